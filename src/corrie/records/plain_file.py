"""Reading a file that others may have put there: a plain one of a size that can be meant, or an error of ours.

Opening a pipe waits for whoever writes into it, and a device may never end. So a file is opened without waiting, looked
at, and read only if it is a plain one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from corrie.errors import CorrieError, RunError

LARGEST = 2**30
"""Bytes of the largest file of a run folder that is read whole: the outcomes of a certificate of 10⁵ draws on 10⁴
examples."""


def read_plain(
    file: Path, asked: str, *, most: int = LARGEST, error: type[CorrieError] = RunError, advice: str = "a plain file"
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
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise error(asked, found=f"{file.name} is {kind_of(found.st_mode)}", advice=advice)
            content = stream.read(most + 1) if found.st_size <= most else b""
    except IsADirectoryError:
        raise error(asked, found=f"{file.name} is a directory", advice=advice) from None
    except (OSError, ValueError) as problem:  # a ValueError: a NUL in its name
        said = getattr(problem, "strerror", None) or str(problem)
        raise error(asked, found=f"{file.name} cannot be read ({said})", advice=advice) from None
    if found.st_size > most or len(content) > most:
        raise error(asked, found=f"{file.name} has {max(found.st_size, len(content)) / 2**20:,.0f} MiB", advice=advice)
    return content


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
