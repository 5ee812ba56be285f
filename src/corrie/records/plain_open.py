"""Files of a run folder that are opened by name: never through a link, which may lead to somebody's other file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from corrie.errors import StorageError

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def open_plain(path: Path, flags: int, asked: str) -> int:
    """``os.open`` of a plain file: a link, a pipe or a device of that name is refused, and nothing behind it touched.

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
        file = os.open(path, flags | _NO_LINK | _NO_WAIT, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused(path, asked, "a link") from None
        raise StorageError(asked, found=error.strerror or str(error), advice="a folder that you may write to") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _refused(path, asked, "no plain file")
    return file


def refuse_link(path: Path, asked: str) -> None:
    """Refuse a file that is a link, for those who open it themselves (SQLite).

    Raises:
        StorageError: it is one.
    """
    if path.is_symlink():
        raise _refused(path, asked, "a link")


def _refused(path: Path, asked: str, what: str) -> StorageError:
    return StorageError(asked, found=f"{path.name} is {what}", advice="remove it; files of a run are plain files")
