"""One writer at a time: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

from corrie.errors import RunError, StorageError
from corrie.records.plain_file import open_plain

LOCK = "run.lock"
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What the system says when somebody else holds the lock; anything else: the file system has no locks."""

_FAR = 1 << 30
"""Windows locks bytes, not files, and forbids reading them: lock one far behind the text."""


class RunLock:
    """Held by whoever writes to a run folder; the file is there only while somebody does (or was killed).

    The lock is the kernel's, on the open file: a killed holder leaves the file but not the lock, so nothing
    ever has to be cleaned up by hand. The file's text says who holds it.

    Raises:
        RunError: another process holds it; the message names that process.
        StorageError: the folder cannot be written, its file system knows no locks, or something else than a plain file
            has the lock's name.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> lock = RunLock(folder)
    >>> RunLock(folder)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    corrie.errors.RunError: run folder ...: process ... is writing to it...
    >>> lock.release()
    >>> list(folder.iterdir())
    []
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LOCK
        self._file = self._acquire()
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()} {socket.gethostname()}".encode())

    def _acquire(self) -> int:
        while True:
            file = open_plain(self._path, os.O_RDWR | os.O_CREAT, f"writing to run folder {self._folder}")
            try:
                _lock(file)
            except OSError as refused:
                if refused.errno not in _HELD:
                    os.close(file)
                    raise StorageError(
                        f"writing to run folder {self._folder}",
                        found=f"its file system cannot lock a file ({refused.strerror})",
                        advice="another file system, or this one mounted with locks (Lustre: -o flock)",
                    ) from None
                holder = self._holder(file)
                os.close(file)
                raise RunError(
                    f"run folder {self._folder}",
                    found=f"{holder} is writing to it",
                    advice="wait until it is done, stop it, or scan into another folder",
                ) from None
            if self._is_current(file):
                return file
            os.close(file)  # its last holder removed it between our opening and our locking

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.lstat(self._path), os.fstat(file))
        except (FileNotFoundError, NotADirectoryError):
            return False

    @staticmethod
    def _holder(file: int) -> str:
        pid, _, host = os.read(file, 300).decode(errors="replace").partition(" ")
        if not pid:
            return "another process"
        return f"process {pid}" + ("" if host == socket.gethostname() else f" on {host}")

    def release(self) -> None:
        """Let the next writer in. Harmless when done twice."""
        if self._file < 0:
            return
        if sys.platform == "win32":
            os.close(self._file)
            self._path.unlink(missing_ok=True)
        else:
            if self._is_current(self._file):  # the folder may have been replaced: then its lock is another's
                self._path.unlink(missing_ok=True)  # while it is still locked, so that no two can hold it
            os.close(self._file)
        self._file = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
