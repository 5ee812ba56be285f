"""A file that is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from corrie.analysis.partial import partial
from corrie.analysis.whole_folder import umask
from corrie.errors import StorageError


def write_whole(path: Path | str, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a new file beside ``path``, then put it in place in one step.

    Whoever reads ``path`` sees the old content or the new, never a part; an error in the midst leaves no trace, and
    what a kill leaves beside is removed by the next that writes there.

    Args:
        path: where the file shall be; missing folders are made.
        write: fills the file it is given (an existing, empty one).

    Returns:
        ``path``.

    Raises:
        StorageError: the disk refuses.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "out" / "word.txt"
    >>> write_whole(place, lambda file: file.write_text("whole")).read_text()
    'whole'
    >>> [file.name for file in place.parent.iterdir()]
    ['word.txt']
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise StorageError(f"writing {path}", found="a folder of that name", advice="another file name")
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial(path, folder=False) as new:
            write(new)
            new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask())
            _bring_to_disk(new)
            os.replace(new, path)
    except OSError as error:
        raise StorageError(
            f"writing {path}", found=error.strerror or str(error), advice="a folder with room and permission"
        ) from error
    return path


def _bring_to_disk(file: Path) -> None:
    handle = os.open(file, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
