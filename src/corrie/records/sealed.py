"""Plain data that carries its own hash, so that a number that was changed afterwards is found.

Two forms. A *sealed* record holds ``digest``, the hash of everything else in it. An *envelope* holds the content under
a name, its ``hash`` beside it, and what made it (versions, date), which is not hashed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from corrie.errors import RunError
from corrie.records.canonical import canonical_json, content_hash

DIGEST = "digest"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with its digest.

    >>> seal_of(sealed({"a": 1})) == sealed({"a": 1})["digest"]
    True
    """
    return {**content, DIGEST: content_hash(dict(content))}


def seal_of(stated: Mapping[str, Any]) -> str:
    """The digest that sealed data should have."""
    return content_hash({name: value for name, value in stated.items() if name != DIGEST})


def envelope(name: str, content: dict[str, Any], provenance: Mapping[str, str]) -> str:
    """The text of a file: the content under a name, its hash, and what made it."""
    return canonical_json({name: content, "hash": content_hash(content), "provenance": dict(provenance)}) + "\n"


def unsealed(text: bytes, asked: str, name: str = "") -> dict[str, Any]:
    """The content of a sealed file, or of an envelope.

    Args:
        text: the file's.
        asked: what is read, for the message.
        name: under which the content lies in an envelope; empty: sealed data.

    Raises:
        RunError: its hash is another.
        ValueError, KeyError, TypeError: it is no such file at all.

    >>> unsealed(envelope("claim", {"a": 1}, {}).replace("1", "2", 1).encode(), "claim x", "claim")
    Traceback (most recent call last):
    corrie.errors.RunError: claim x: its hash is another: it was changed
    """
    whole = json.loads(text)
    content, stated = (whole[name], whole["hash"]) if name else (whole, whole[DIGEST])
    if stated != (content_hash(content) if name else seal_of(content)):
        raise RunError(asked, found=f"its {'hash' if name else DIGEST} is another: it was changed")
    return content
