import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from corrie.errors import FetchError, StorageError
from corrie.sources.manifest import Package, PackagedFile
from corrie.sources.unpack import is_intact, remove_leftovers, unpack


def written(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_pinned_is_written_and_nothing_else(package: Package, wheel: Path, tmp_path: Path) -> None:
    unpack(package, wheel, tmp_path / "out")
    with zipfile.ZipFile(wheel) as archive:
        assert written(tmp_path / "out") == {f.path: archive.read(f.path) for f in package.files}


def test_another_wheel_is_refused_whole(package: Package, wheel: Path, tmp_path: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(FetchError, match="pinned is"):
        unpack(package, wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [{"sha256": "0" * 64}, {"size": 5}, {"size": 50_000}, {"path": "basins/nowhere.txt"}],
    ids=["hash", "larger than pinned", "smaller than pinned", "not there"],
)
def test_a_file_that_differs_leaves_nothing_half_written(
    repin: Callable[..., Package], wheel: Path, tmp_path: Path, change: dict
) -> None:
    good, bad = repin().files
    package = repin(files=(good, bad.model_copy(update=change)))
    with pytest.raises(FetchError, match="nothing of it is used"):
        unpack(package, wheel, tmp_path / "out")
    assert set(written(tmp_path / "out")) <= {good.path}


def test_what_is_no_archive_is_refused(repin: Callable[..., Package], wheel: Path, tmp_path: Path) -> None:
    import hashlib

    wheel.write_bytes(b"not a zip file")
    package = repin(wheel_sha256=hashlib.sha256(b"not a zip file").hexdigest())
    with pytest.raises(FetchError, match="cannot be read"):
        unpack(package, wheel, tmp_path / "out")


def test_a_name_in_the_archive_cannot_choose_where_to_write(tmp_path: Path) -> None:
    """Members that point outside are never touched: only paths of the manifest are opened."""
    import hashlib

    wheel = tmp_path / "evil.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("../../outside.txt", "escaped")
        archive.writestr("inside.txt", "kept")
    file = PackagedFile(path="inside.txt", size=4, sha256=hashlib.sha256(b"kept").hexdigest(), licence="", what="")
    package = Package(
        name="evil",
        version="1",
        licence="",
        what="",
        wheel_size=wheel.stat().st_size,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        files=(file,),
    )
    unpack(package, wheel, tmp_path / "a" / "b" / "out")
    assert written(tmp_path) == {"evil.whl": wheel.read_bytes(), "a/b/out/inside.txt": b"kept"}


def test_intact_files_are_left_alone_and_damaged_ones_replaced(package: Package, wheel: Path, tmp_path: Path) -> None:
    unpack(package, wheel, tmp_path)
    intact, damaged = package.files
    os.utime(tmp_path / intact.path, (1, 1))
    (tmp_path / damaged.path).write_bytes(b"x" * damaged.size)
    assert not is_intact(tmp_path / damaged.path, damaged)
    unpack(package, wheel, tmp_path)
    assert (tmp_path / intact.path).stat().st_mtime == 1
    assert is_intact(tmp_path / damaged.path, damaged)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_said_and_nothing_is_left(
    package: Package, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StorageError, match=r"No space left on device.*CORRIE_CACHE"):
        unpack(package, wheel, tmp_path / "out")
    assert written(tmp_path / "out") == {}


def test_leftovers_of_a_killed_process_go(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".abc.part").write_bytes(b"half")
    (tmp_path / ".fetch-abc").mkdir()
    (tmp_path / ".fetch-abc" / "some.whl").write_bytes(b"half")
    (tmp_path / "deep" / "data.txt").write_bytes(b"whole")
    remove_leftovers(tmp_path)
    assert written(tmp_path) == {"deep/data.txt": b"whole"}
