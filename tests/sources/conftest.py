"""Tiny wheels of our own: packages to fetch without a network."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from corrie.sources.manifest import Package, PackagedFile

FILES = {"basins/data.txt": b"plateau, then cliff\n", "basins/deep/model.bin": bytes(range(256)) * 40}
TRAP = b"raise SystemExit('a data package was imported')\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_wheel(
    folder: Path, files: dict[str, bytes], name: str = "corrie-test-basins", version: str = "1.2.0"
) -> Path:
    """A wheel that pip accepts, and that must never be imported."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in {"basins/__init__.py": TRAP, **files}.items():
            archive.writestr(member, data)
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            "Requires-Python: <3\nRequires-Dist: no-such-thing\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: corrie\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return write_wheel(folder, FILES)


@pytest.fixture
def package(wheel: Path) -> Package:
    """The wheel, pinned."""
    return pin(wheel)


def pin(wheel: Path, **changes: object) -> Package:
    data = wheel.read_bytes()
    plain = Package(
        name="corrie-test-basins",
        version="1.2.0",
        licence="Apache-2.0",
        what="a test",
        wheel_size=len(data),
        wheel_sha256=sha256(data),
        files=tuple(
            PackagedFile(path=path, size=len(text), sha256=sha256(text), licence="CC0", what="data")
            for path, text in FILES.items()
        ),
    )
    return plain.model_copy(update=changes)


@pytest.fixture
def repin(wheel: Path) -> Callable[..., Package]:
    """The wheel, pinned with changes."""
    return lambda **changes: pin(wheel, **changes)


@pytest.fixture
def local_index(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip find the wheel in a folder, and nothing else anywhere."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    return wheel.parent
