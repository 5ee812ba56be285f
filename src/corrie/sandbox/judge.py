"""The judge's room: run the tests here, and ask the program's room for every answer.

This file runs inside of a room, and may import the standard library and :mod:`corrie.sandbox.wire` alone. It holds the
tests and what they expect; what comes from the program is plain data.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from corrie.sandbox.guest import confine
from corrie.sandbox.wire import Talk, WireError, decode, encode


class ProgramEnded(BaseException):
    """The program's room is empty, or what came from it is no answer."""


class ProgramError(Exception):
    """The program raised something that the standard library has no name for."""


class Remote:
    """A function or object that lives in the program's room. Equal to itself alone."""

    def __init__(self, room: Room, of: str | int) -> None:
        object.__setattr__(self, "_room", room)
        object.__setattr__(self, "_of", of)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._room.ask("call", self._of, list(args), kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._room.ask("get", self._of, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._room.ask("set", self._of, name, value)

    def __iter__(self) -> Any:
        return iter(self._room.ask("items", self._of))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and other._of == self._of

    def __hash__(self) -> int:
        return hash(self._of)


class Room:
    """The other room, asked question by question."""

    def __init__(self, line: Talk) -> None:
        self._line = line

    def begin(self, code: str, limits: dict[str, int]) -> None:
        """Have the program defined there."""
        self._exchange({"code": code, "limits": limits})

    def ask(self, what: str, of: str | int, *values: Any) -> Any:
        """One question, and its answer; an error that the program raises is raised here."""
        reply = self._exchange({"do": [what, of, *(encode(value, self._number) for value in values)]})
        try:
            return decode(reply, lambda number: Remote(self, int(number)))
        except (WireError, RecursionError, TypeError, ValueError) as problem:
            raise ProgramEnded("no_answer") from problem

    def _exchange(self, message: dict[str, Any]) -> Any:
        try:
            self._line.say(message)
            reply = self._line.received()
        except (WireError, OSError) as problem:
            raise ProgramEnded("too_long" if str(problem) == "too long" else "ended") from problem
        if not isinstance(reply, dict):
            raise ProgramEnded("ended")
        if "raised" in reply:
            raise _error(reply["raised"])
        return reply.get("value")

    @staticmethod
    def _number(value: Any) -> Any:
        if isinstance(value, Remote):
            return value._of
        raise TypeError(f"a test gives the program a {type(value).__name__}, which is no plain data")


def _error(raised: Any) -> Exception:
    name, words = raised if isinstance(raised, list) and len(raised) == 2 else ("", "")
    kind = getattr(builtins, str(name), None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(str(words))
        except TypeError:
            pass
    return ProgramError(f"{name}: {words}")


def unknown_names(source: str, known: dict[str, Any]) -> set[str]:
    """Names that a piece of source uses and nobody defines: they are the program's.

    >>> unknown_names("import math\\nassert f(math.pi) == abs(g)", {})  == {"f", "g"}
    True
    """
    tree, used, made = ast.parse(source), set(), set(known) | set(vars(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            made |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            made.add(node.name)
    return used - made


def judged(room: Room, order: dict[str, Any]) -> dict[str, str]:
    """Run the tests, and say how it ended: ``passed``, ``failed``, ``raised``, ``ended``, ``no_answer``, …"""
    try:
        room.begin(order["code"], order["limits"])
        names: dict[str, Any] = {"__name__": "tests"}
        _lend(room, unknown_names(order["setup"], names), names)
        exec(compile(order["setup"], "setup", "exec"), names)
        _lend(room, order["entries"], names)
        _lend(room, unknown_names(order["tests"], names), names)
        exec(compile(order["tests"], "tests", "exec"), names)
    except ProgramEnded as problem:
        return {"end": str(problem)}
    except AssertionError as problem:
        return {"end": "failed", "words": str(problem)[:300]}
    except BaseException as problem:
        return {"end": "raised", "words": f"{type(problem).__name__}: {str(problem)[:300]}"}
    return {"end": "passed"}


def _lend(room: Room, wanted: Iterable[str], names: dict[str, Any]) -> None:
    names.update({name: Remote(room, name) for name in wanted})


def main() -> None:
    """Read the order, judge, and write the verdict where the program has no way to."""
    tests, verdict = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(tests, "rb") as file:
        order = json.loads(file.read())
    confine({**order["limits"], "disk": 0})
    found = judged(Room(Talk(sys.stdin.buffer, sys.stdout.buffer, order["most"])), order)
    os.write(verdict, json.dumps(found).encode("ascii"))
    os._exit(0)
