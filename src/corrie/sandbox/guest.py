"""The program's room: define the program, then call its functions when the judge asks.

This file runs inside of the room, and may import the standard library and :mod:`corrie.sandbox.wire` alone. Whatever
the program does to it, it can only give other answers: what is right is known in the judge's room.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Any

from corrie.sandbox.wire import Talk, decode, encode

_ITEMS = 100_000
"""Of something that is gone through, at most."""


def confine(limits: dict[str, int]) -> None:
    """Take the limits upon this process; they cannot be raised again."""
    cpu = limits["cpu"]
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, limits["memory"], limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["disk"], limits["disk"]),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        if soft:
            resource.setrlimit(what, (soft, hard))


def private_line(most: int) -> Talk:
    """The way to the judge, out of reach of ``print`` and ``input``: these lead nowhere."""
    read, write = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    return Talk(read, write, most)


class Guest:
    """What the program defined, and the objects of it that the judge holds by number."""

    def __init__(self, code: str) -> None:
        self._names: dict[str, Any] = {"__name__": "program"}
        self._kept: list[Any] = []
        exec(compile(code, "program", "exec"), self._names)

    def answer(self, asked: dict[str, Any]) -> Any:
        """Do what is asked, and give its result in plain data."""
        what, of, *rest = asked["do"]
        target = self._held(of)
        values = [decode(value, self._held) for value in rest]
        if what == "call":
            result = target(*values[0], **values[1])
        elif what == "get":
            result = getattr(target, values[0])
        elif what == "set":
            result = setattr(target, values[0], values[1])
        else:
            result = [item for item, _ in zip(target, range(_ITEMS), strict=False)]
        return encode(result, self._keep)

    def _held(self, of: str | int) -> Any:
        return self._names[of] if isinstance(of, str) else self._kept[of]

    def _keep(self, value: Any) -> int:
        self._kept.append(value)
        return len(self._kept) - 1


def main() -> None:
    """Serve until the judge has no more questions."""
    line = private_line(2**28)
    order = line.received()
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))
    confine(order["limits"])
    guest = None
    try:
        guest = Guest(order["code"])
        line.say({"value": None})
    except BaseException as problem:
        line.say(_raised(problem))
    while guest is not None and (asked := line.received()) is not None:
        try:
            reply = {"value": guest.answer(asked)}
        except BaseException as problem:
            reply = _raised(problem)
        line.say(reply)


def _raised(problem: BaseException) -> dict[str, Any]:
    try:
        words = str(problem)[:300]
    except BaseException:
        words = ""
    return {"raised": [type(problem).__name__, words]}
