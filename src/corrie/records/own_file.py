"""Files of a folder that are the folder's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corrie.errors import ModelError
from corrie.records.foreign import first_words


def own_file(folder: Path, name: str, asked: str) -> Path:
    """A file in a folder: a plain one, or a link that stays in the folder or leads to the hub cache's own ``blobs``.

    Args:
        asked: what the file is needed for, for the message.

    Raises:
        ModelError: it is not there, no plain file, or a link that leads elsewhere.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "b.json").symlink_to("/etc/hostname")
    >>> own_file(folder, "b.json", "adapter x")
    Traceback (most recent call last):
    corrie.errors.ModelError: adapter x: b.json is a link out of the folder. Try: the file itself
    """
    file = folder / name
    if file.is_symlink():
        try:
            leads = file.resolve()
        except (OSError, RuntimeError):
            raise ModelError(asked, found=f"{name} is a link that leads nowhere", advice="the file itself") from None
        allowed = [folder.resolve()]
        if folder.resolve().parent.name == "snapshots":
            allowed.append(folder.resolve().parent.parent / "blobs")
        if not any(leads.is_relative_to(place) for place in allowed):
            raise ModelError(asked, found=f"{name} is a link out of the folder", advice="the file itself")
    if not file.is_file():
        found = f"{name} is no plain file" if file.exists() else f"no {name} in it"
        raise ModelError(asked, found=found, advice="a folder that PEFT's save_pretrained wrote")
    return file


def own_object(folder: Path, name: str, asked: str, *, most: int, advice: str = "") -> dict[str, Any]:
    """The JSON object in a file of a folder.

    Args:
        asked: what it is needed for, for the message.
        most: bytes that it may have.
        advice: what to try, for the message.

    Raises:
        ModelError: as :func:`own_file`; too large, or no JSON object: the file is named.
    """
    file = own_file(folder, name, asked)

    def refused(why: str) -> ModelError:
        return ModelError(asked, found=f"{name} cannot be read ({why})", advice=advice)

    try:
        size = file.stat().st_size
        if size > most:
            raise refused(f"it has {size:,} bytes")
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise refused(first_words(problem)) from None
    if not isinstance(found, dict):
        raise refused("it is no JSON object")
    return found
