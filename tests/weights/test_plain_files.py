"""Which files of a folder are read."""

from pathlib import Path

import pytest

from corrie.errors import ModelError
from corrie.weights.plain_files import own_file


def test_links_stay_in_the_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for file in (folder / "plain", outside):
        file.write_text("x")
    (folder / "near").symlink_to("plain")
    (folder / "far").symlink_to(outside)
    (folder / "loop").symlink_to("loop")
    (folder / "sub").mkdir()
    assert own_file(folder, "plain", "a") == folder / "plain"
    assert own_file(folder, "near", "a").read_text() == "x"
    for name, words in (
        ("far", "link out of"),
        ("loop", "leads nowhere|no loop"),
        ("sub", "no plain file"),
        ("no", "no no in it"),
    ):
        with pytest.raises(ModelError, match=words):
            own_file(folder, name, "a")
