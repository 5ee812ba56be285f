"""One process at a time: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corrie.records.plain_file import open_plain

if sys.platform == "win32":
    import msvcrt

    def _wait_for(file: int) -> None:
        while True:
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
                return
            except PermissionError:
                time.sleep(0.1)

else:
    import fcntl

    def _wait_for(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Wait until no other process is inside ``alone(path)``, then run the body.

    The lock is the kernel's, on the open file ``path`` (made if need be, never removed: removing it would let two
    processes hold locks on two files of one name). Yields whether the file system knows locks; where it does not
    (some network mounts), the body runs all the same and must be harmless when run twice.

    Raises:
        StorageError: a link or something else than a plain file has that name, or the disk refuses.

    >>> import tempfile
    >>> with alone(Path(tempfile.mkdtemp()) / "lock") as locked:
    ...     locked
    True
    """
    file = open_plain(path, os.O_RDWR | os.O_CREAT, f"waiting for {path}")
    try:
        try:
            _wait_for(file)
            locked = True
        except OSError:
            locked = False
        yield locked
    finally:
        os.close(file)
