"""The plain data that pass between the program's room and the judge's, as lines of JSON.

Only plain data cross, and each arrives as exactly its own type: None, bool, int, float, complex, str, bytes, list,
tuple, set, frozenset, dict (with their subclasses as these). Everything else stays where it was made, and a number
stands for it on the other side. Nothing is ever unpickled.

This file runs inside of the rooms: it may import the standard library alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, BinaryIO

_EXACT = 2**53
"""Integers up to this are JSON numbers; larger ones are hexadecimal text, which takes linear time to read."""


class WireError(Exception):
    """What came is no message, or too long."""


def encode(value: Any, keep: Callable[[Any], Any]) -> Any:
    """Plain data as JSON; ``keep`` gives what stands for anything else.

    >>> encode((1, {"a": {2}}), keep=repr)
    {'tuple': [1, {'dict': [['a', {'set': [2]}]]}]}
    """
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, int):
        return int(value) if -_EXACT <= value <= _EXACT else {"int": hex(value)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, complex):
        return {"complex": [encode(value.real, keep), encode(value.imag, keep)]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, dict):
        return {"dict": [[encode(k, keep), encode(v, keep)] for k, v in value.items()]}
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            items = [encode(v, keep) for v in value]
            return items if kind is list else {kind.__name__: items}
    return {"kept": keep(value)}


def decode(given: Any, kept: Callable[[Any], Any]) -> Any:
    """The data again; ``kept`` finds what a number stands for.

    Raises:
        WireError: this is no message of :func:`encode`.

    >>> decode(encode([1.5, (2, b"x"), {3: None}, 10**30], keep=repr), kept=repr)
    [1.5, (2, b'x'), {3: None}, 1000000000000000000000000000000]
    """
    if isinstance(given, list):
        return [decode(v, kept) for v in given]
    if not isinstance(given, dict):
        return given
    if len(given) != 1:
        raise WireError("no message")
    ((kind, inside),) = given.items()
    try:
        if kind == "dict":
            return {decode(k, kept): decode(v, kept) for k, v in inside}
        if kind in ("tuple", "set", "frozenset"):
            return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](decode(v, kept) for v in inside)
        if kind == "int":
            return int(inside, 16)
        if kind == "float":
            return float(inside)
        if kind == "complex":
            return complex(*(decode(v, kept) for v in inside))
        if kind == "bytes":
            return bytes.fromhex(inside)
        if kind == "kept":
            return kept(inside)
    except (TypeError, ValueError, AttributeError) as problem:
        raise WireError("no message") from problem
    raise WireError("no message")


class Talk:
    """A conversation: one line of JSON each way.

    Args:
        read, write: the two ends.
        most: bytes of a line that is received.
    """

    def __init__(self, read: BinaryIO, write: BinaryIO, most: int) -> None:
        self._read, self._write, self._most = read, write, most

    def say(self, message: Any) -> None:
        """Send a message."""
        self._write.write(json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n")
        self._write.flush()

    def received(self) -> Any:
        """The next message; None at the end.

        Raises:
            WireError: it is longer than allowed, or no JSON.
        """
        line = self._read.readline(self._most + 1)
        if not line:
            return None
        if len(line) > self._most:
            raise WireError("too long")
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise WireError("no message") from problem
