"""One value, one text, one hash.

A record is named by its content: two records are the same exactly when their canonical texts are.
The text is JSON with sorted keys, no spaces, shortest round-trip floats, and no NaN or infinity.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from corrie.errors import InputError, RunError


def canonical_json(value: Any) -> str:
    """The one JSON text of plain data.

    >>> canonical_json({"b": 1.50, "a": [True, None]})
    '{"a":[true,null],"b":1.5}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical text, as 64 hexadecimal digits.

    >>> content_hash([1, 2])[:12]
    '49a64717d5d4'
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class Record(BaseModel):
    """The base of everything that is written down: frozen, strict about unknown fields, hashable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> str:
        """This record's canonical JSON text."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of :meth:`canonical`.

        Raises:
            RunError: the text is not what was written.
        """
        try:
            return cls.model_validate_json(text)
        except (ValidationError, InputError, TypeError, RecursionError) as problem:  # a TypeError: no text at all
            raise RunError(
                f"a record of kind {cls.__name__}",
                found=f"it cannot be read ({str(problem).splitlines()[0]})",
                advice="an undamaged copy of the run, written by this version",
            ) from None
