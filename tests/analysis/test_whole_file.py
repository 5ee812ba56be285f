import errno
from pathlib import Path

import pytest

from corrie.analysis.whole_file import write_whole
from corrie.errors import StorageError


def test_an_error_in_the_midst_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write(new: Path) -> None:
        new.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        write_whole(path, write)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_text("")
    write_whole(ours, lambda file: None)
    assert ours.stat().st_mode == plain.stat().st_mode
    ours.chmod(0o600)
    write_whole(ours, lambda file: None)
    assert ours.stat().st_mode & 0o777 == 0o600


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="a folder of that name"):
        write_whole(tmp_path, lambda file: None)
