"""The folder in which fetched and converted things are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from corrie.errors import StorageError

CACHE_VARIABLE = "CORRIE_CACHE"
"""The environment variable that moves the cache."""


def cache_folder() -> Path:
    """``$CORRIE_CACHE``, or the platform's folder for what a program can fetch again.

    ``~/.cache/corrie`` on Linux (``$XDG_CACHE_HOME/corrie`` where that is set), ``~/Library/Caches/corrie`` on
    macOS, ``%LOCALAPPDATA%\\corrie\\Cache`` on Windows. The folder is named here, not made.

    Raises:
        StorageError: no cache folder is set and there is no home folder to put one in.

    >>> os.environ["CORRIE_CACHE"] = "/somewhere/else"
    >>> cache_folder().parts[-2:]
    ('somewhere', 'else')
    >>> del os.environ["CORRIE_CACHE"]
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    try:
        return Path(chosen).expanduser().absolute() if chosen else _platform_folder()
    except RuntimeError:  # pathlib's word for "no home folder"
        raise StorageError(
            "the cache folder", found="no home folder to put it in", advice=f"set {CACHE_VARIABLE}=/a/folder"
        ) from None


def _platform_folder() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "corrie" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "corrie"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    return (Path(chosen) if os.path.isabs(chosen) else Path.home() / ".cache") / "corrie"
