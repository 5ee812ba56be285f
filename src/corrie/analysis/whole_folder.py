"""A folder that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from corrie.analysis.partial import partial
from corrie.errors import InputError, StorageError


def whole_folder(folder: Path, write: Callable[[Path], object], *, empty: bool = False) -> Path:
    """Let ``write`` fill a new folder beside ``folder``, bring it to the disk, then put it in place in one step.

    A kill leaves nothing in place, and a temporary folder that the next writing to this place removes.

    Args:
        folder: where it shall be; folders above are made.
        write: fills the folder it is given.
        empty: an empty folder may be there already.

    Returns:
        ``folder``.

    Raises:
        InputError: something is there already.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "made" / "out"
    >>> sorted(f.name for f in whole_folder(place, lambda new: (new / "a").write_text("whole")).iterdir())
    ['a']
    >>> whole_folder(place, lambda new: None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    corrie.errors.InputError: writing ...: it is there already. Try: another name
    """
    refuse_full(folder, empty=empty)
    target = folder.resolve() if empty else folder  # a link to an empty folder stays a link
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial(target, folder=True) as made:
            write(made)
            made.chmod(0o777 & ~umask())
            bring_to_disk(made)
            put_in_place(made, target, empty=empty)
    except OSError as error:
        raise StorageError(
            f"writing {folder}", found=error.strerror or str(error), advice="a folder with room and permission"
        ) from error
    return folder


def refuse_full(folder: Path, *, empty: bool = True) -> None:
    """Refuse a place where something is, before anything is computed for it.

    Args:
        empty: an empty folder will do.

    Raises:
        InputError: something is there already.
    """
    if os.path.lexists(folder) and not (empty and folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"writing {folder}", found="it is there already", advice="another name")


def put_in_place(made: Path, folder: Path, *, empty: bool = False) -> None:
    """Give a finished folder its name; what has come there meanwhile is not written over.

    Raises:
        InputError: something is there by now.
        OSError: the disk refuses.
    """
    refuse_full(folder, empty=empty)
    if folder.is_dir():
        folder.rmdir()
    os.rename(made, folder)


def bring_to_disk(folder: Path) -> None:
    """Wait until every file below is on the disk, where the system can tell."""
    for file in folder.rglob("*"):
        if file.is_file():
            with contextlib.suppress(OSError):
                handle = os.open(file, os.O_RDWR)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)


def umask() -> int:
    """The mask of new files."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
