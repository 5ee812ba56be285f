"""Opening a file that others may have put there: a plain one, or an error of ours.

Opening a pipe waits for whoever writes into it, and a device may never end. So a file is opened without waiting, looked
at, and used only if it is a plain one. What is written is never written through a link, which may lead to somebody's
other file; what is read may lie behind one.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from corrie.errors import CorrieError, RunError, StorageError

LARGEST_FILE = 2**30
"""Bytes of the largest file of a run folder that is read whole: the outcomes of a certificate of 10⁵ draws on 10⁴
examples."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_PLAIN = "remove it; files of a run are plain files"


def read_plain(
    file: Path,
    asked: str,
    *,
    most: int = LARGEST_FILE,
    error: type[CorrieError] = RunError,
    advice: str = "a plain file",
) -> bytes:
    """All bytes of a plain file; a link to one is as good.

    Args:
        file: where it should lie.
        asked: what is read, for the message.
        most: bytes that it may have.
        error: what is raised.
        advice: what to try, for the message.

    Raises:
        RunError: (or ``error``) there is none, it is a directory, a pipe or a device, too large, or the disk refuses.

    >>> read_plain(Path("/dev/zero"), "certificate x")
    Traceback (most recent call last):
    corrie.errors.RunError: certificate x: zero is a device. Try: a plain file
    """
    try:
        with os.fdopen(_opened(file, os.O_RDONLY | getattr(os, "O_BINARY", 0), error, asked, advice), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(most + 1) if size <= most else b""
    except (OSError, ValueError) as problem:  # a ValueError: a NUL in its name
        said = getattr(problem, "strerror", None) or str(problem)
        raise error(asked, found=f"{file.name} cannot be read ({said})", advice=advice) from None
    if size > most or len(content) > most:
        raise error(asked, found=f"{file.name} has {max(size, len(content)) / 2**20:,.0f} MiB", advice=advice)
    return content


def open_plain(path: Path, flags: int, asked: str) -> int:
    """``os.open`` of a plain file of a run or cache: a link, a pipe or a device of that name is refused, and nothing
    behind it touched.

    Args:
        path: the file.
        flags: of ``os.open``.
        asked: what is being done, for the message.

    Returns:
        The file descriptor.

    Raises:
        StorageError: it is a link or no plain file, or the disk refuses.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> (place / "link").symlink_to(place / "other")
    >>> open_plain(place / "link", os.O_RDWR | os.O_CREAT, "writing")
    Traceback (most recent call last):
    corrie.errors.StorageError: writing: link is a link. Try: remove it; files of a run are plain files
    >>> list(place.iterdir()) == [place / "link"]
    True
    """
    refuse_link(path, asked)  # where the system cannot refuse it while opening
    try:
        return _opened(path, flags | _NO_LINK, StorageError, asked, _PLAIN)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StorageError(asked, found=f"{path.name} is a link", advice=_PLAIN) from None
        raise StorageError(asked, found=error.strerror or str(error), advice="a folder that you may write to") from None


def refuse_link(path: Path, asked: str) -> None:
    """Refuse a file that is a link, for those who open it themselves (SQLite).

    Raises:
        StorageError: it is one.
    """
    if path.is_symlink():
        raise StorageError(asked, found=f"{path.name} is a link", advice=_PLAIN)


def refuse_odd(file: Path, asked: str) -> None:
    """Refuse a pipe, a device or a folder where a library will open a file by itself; none at all is well.

    Raises:
        RunError: something is there that is no plain file.
    """
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise RunError(asked, found=f"{file.name} in it is {kind_of(mode)}", advice="remove it, or a copy of the run")


def kind_of(mode: int) -> str:
    """What a file that is no plain one is, from its mode.

    >>> kind_of(os.stat("/").st_mode)
    'a directory'
    """
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _opened(path: Path, flags: int, error: type[CorrieError], asked: str, advice: str) -> int:
    """The descriptor of a plain file, opened without waiting; what is none is refused by name."""
    handle = os.open(path, flags | _NO_WAIT, 0o666)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise error(asked, found=f"{path.name} is {kind_of(mode)}", advice=advice)
    return handle
