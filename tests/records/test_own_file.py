"""Which files of a folder are read."""

from pathlib import Path

import pytest

from corrie.errors import ModelError
from corrie.records.own_file import own_file, own_object


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


def test_an_object_is_read_or_its_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text('{"a": 1}')
    assert own_object(tmp_path, "good.json", "model x", most=8) == {"a": 1}
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    for name, most, words in (
        ("good.json", 7, "it has 8 bytes"),
        ("deep.json", 10**6, "RecursionError"),
        ("list.json", 99, "it is no JSON object"),
        ("latin.json", 99, "UnicodeDecodeError"),
    ):
        with pytest.raises(ModelError, match=rf"model x: {name} cannot be read \({words}.*Try: another"):
            own_object(tmp_path, name, "model x", most=most, advice="another")
