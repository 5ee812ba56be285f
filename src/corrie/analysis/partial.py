"""A temporary name beside a place, for what is put there whole: it goes with its process, also when that is killed.

While it is filled, ``.NAME.partial-…`` is locked by the kernel; a killed process drops the lock and leaves the name.
The next that writes to the same place removes every such name that nobody holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corrie.records.canonical import content_hash

_LONGEST = 180
"""Bytes of a name that are kept in a temporary one; most systems allow 255 for all of it."""


@contextmanager
def partial(place: Path, *, folder: bool) -> Iterator[Path]:
    """A new empty file or folder beside ``place``, gone when the body is left (unless it was moved into place).

    Args:
        place: what it will become; its folder exists.
        folder: make a folder, not a file.

    Raises:
        OSError: the disk refuses.

    >>> target = Path(tempfile.mkdtemp()) / "out"
    >>> with partial(target, folder=True) as new:
    ...     new.name.startswith(".out.partial-"), new.is_dir()
    (True, True)
    >>> list(target.parent.iterdir())
    []
    """
    remove_left(place)
    made, lock = _make(place, folder)
    try:
        yield made
    finally:
        _remove(made)
        if lock is not None:
            os.close(lock)


def remove_left(place: Path, kind: str = "partial") -> None:
    """Remove the temporary names of this place that no process holds."""
    start = stem(place, kind)
    with contextlib.suppress(OSError):
        for left in [Path(e.path) for e in os.scandir(place.parent) if e.name.startswith(start)]:
            lock = _locked(left)
            if lock is not None:
                _remove(left)
                os.close(lock)


def stem(place: Path, kind: str = "partial") -> str:
    """How temporary names of a place begin.

    >>> stem(Path("runs/out")), len(stem(Path("x" * 250)))
    ('.out.partial-', 26)
    """
    name = place.name if len(os.fsencode(place.name)) <= _LONGEST else content_hash(place.name)[:16]
    return f".{name}.{kind}-"


def _make(place: Path, folder: bool) -> tuple[Path, int | None]:
    while True:
        if folder:
            made = Path(tempfile.mkdtemp(prefix=stem(place), dir=place.parent))
        else:
            handle, name = tempfile.mkstemp(prefix=stem(place), suffix=place.suffix[:16], dir=place.parent)
            os.close(handle)
            made = Path(name)
        lock = _locked(made)
        if lock is not None or made.exists():  # without a lock: a file system that knows none
            return made, lock
        # between its making and its lock another process took it for one that was left


def _remove(left: Path) -> None:
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            left.unlink()


if sys.platform == "win32":

    def _locked(path: Path) -> int | None:
        """Windows locks no folders: what a killed process left stays, under a name that says what it is."""
        return None

else:
    import fcntl

    def _locked(path: Path) -> int | None:
        """The lock on a name, if nobody else holds it."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.lstat(path), os.fstat(handle)):
                return handle
        except OSError:
            pass
        os.close(handle)
        return None
