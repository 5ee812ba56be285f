"""What the disk says, in our words."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corrie.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def check_room(folder: Path, needed: int, asked: str) -> None:
    """Is there room for this many bytes?

    Raises:
        StorageError: there is not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            asked,
            found=f"{megabytes(needed)} are needed in {folder}, {megabytes(free)} are free",
            advice="free some space, or set CORRIE_CACHE to a folder on another disk",
        )


@contextmanager
def storage(asked: str) -> Iterator[None]:
    """Turn the operating system's errors on files into ours.

    Raises:
        StorageError: the disk is full, read-only, or not ours to write to.

    >>> with storage("writing data"):  # doctest: +ELLIPSIS
    ...     raise OSError(errno.ENOSPC, "No space left on device", "/cache/data")
    Traceback (most recent call last):
    corrie.errors.StorageError: writing data: No space left on device (/cache/data). Try: free some space, or set ...
    """
    try:
        yield
    except OSError as problem:
        where = f" ({problem.filename})" if problem.filename else ""
        full = problem.errno in _FULL
        raise StorageError(
            asked,
            found=f"{problem.strerror or problem}{where}",
            advice=("free some space, or " if full else "")
            + "set CORRIE_CACHE to a folder "
            + ("on another disk" if full else "that you may write to"),
        ) from None


def megabytes(size: int) -> str:
    """Bytes as people say them.

    >>> megabytes(85_644_377), megabytes(207_111)
    ('86 MB', '0.2 MB')
    """
    return f"{size / 1e6:.0f} MB" if size >= 10_000_000 else f"{size / 1e6:.1f} MB"
