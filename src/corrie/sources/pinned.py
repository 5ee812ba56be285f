"""What the manifest says, as plain data: for lists, which need no records of it (:mod:`corrie.sources.manifest`)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).with_name("manifest.json")
"""The file that ships with corrie."""


@cache
def pinned() -> dict[str, Any]:
    """Packages and models, as they are written down.

    >>> pinned()["models"][0]["name"]
    'smollm2-135m-instruct'
    """
    return json.loads(MANIFEST.read_text(encoding="utf-8"))


@cache
def pinned_files() -> dict[tuple[str, str], dict[str, Any]]:
    """(package, path) → what is written of a file."""
    return {(package["name"], file["path"]): file for package in pinned()["packages"] for file in package["files"]}
