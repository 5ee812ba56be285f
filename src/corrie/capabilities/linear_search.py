"""A regular expression searched in linear time.

Python's ``re`` tries one way after another: ``(a+)+$`` takes minutes on thirty letters, and so does ``.*.*.*x`` on a
page, and nothing can interrupt it. A limit of time would make a score depend on the machine. So the expression is
turned into an automaton, and all ways are followed at once (K. Thompson, "Regular expression search algorithm", CACM
11, 1968): at most one step for each letter and state, whatever the text. Whether there is a match does not depend on
the order in which ways are tried, so the answer is that of ``re.search``; each single letter, class and anchor is put
to ``re`` itself. (What an expression looks for ahead is looked for once from each place: there the time is quadratic.)

What looks back at what was matched (``(a)\\1``, conditions, atomic groups, possessive repeats) has no such automaton
and is refused, and so is an expression of more than ``STATES`` states.
"""

from __future__ import annotations

import re
import warnings
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # the only way to an expression's parts
from typing import Any

from corrie.errors import InputError

STATES = 5000
"""Most states of an automaton; a{1,1000} needs two thousand."""

LENGTH = 5000
"""Most characters of an expression."""

_parts: Any = _parser
_compile: Any = _compiler.compile

_TRY = r"a simpler expression, such as \b42\b"


class LinearSearch:
    """Does a regular expression match somewhere in a text?

    >>> search = LinearSearch(r"(a+)+$")
    >>> search("b" + "a" * 1000), search("a" * 1000 + "b")
    (True, False)

    Raises:
        InputError: no regular expression, or one without an automaton.
    """

    def __init__(self, pattern: str) -> None:
        asked = f"the regular expression {pattern[:60]!r}"
        if len(pattern) > LENGTH:
            raise InputError(asked, found=f"{len(pattern)} characters", advice=f"{LENGTH} at most")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what re may change some day
                tree = _parts.parse(pattern)
                re.compile(pattern)
            self._machine = _Machine(tree.state, tree)
        except (re.error, RecursionError, OverflowError, ValueError) as problem:
            raise InputError(asked, found=f"it is none ({problem})", advice=_TRY) from None
        except _NoAutomaton as problem:
            raise InputError(asked, found=str(problem), advice=_TRY) from None

    def __call__(self, text: str) -> bool:
        return self._machine.matches(text, range(len(text) + 1))


class _NoAutomaton(Exception):
    """What this expression asks for that no automaton of a bearable size does."""


class _Machine:
    """States are numbered; each has places to go for nothing, and one that costs a letter.

    free      state → (state, condition or None)
    eats      state → (one-letter expression, state)
    """

    def __init__(self, state: Any, tree: Any, flags: int | None = None) -> None:
        self._state = state
        self._free: list[list[tuple[int, Any]]] = []
        self._eats: list[tuple[Any, int] | None] = []
        self._letters: dict[Any, dict[str, bool]] = {}
        self._end = self._new()
        self._begin = self._sequence(list(tree), self._end, state.flags if flags is None else flags)

    def matches(self, text: str, starts: range) -> bool:
        """Is there a match that begins at one of these places?"""
        here: set[int] = set()
        for place in range(starts.start, len(text) + 1):
            if place in starts:
                here.add(self._begin)
            here = self._reach(here, text, place)
            if self._end in here:
                return True
            if place == len(text) or not (here or place + 1 < starts.stop):
                return False
            letter = text[place]
            here = {to for s in here if (eat := self._eats[s]) and self._takes(eat[0], letter) for to in (eat[1],)}
        return False

    def _reach(self, states: set[int], text: str, place: int) -> set[int]:
        found, waiting = set(states), list(states)
        while waiting:
            for to, condition in self._free[waiting.pop()]:
                if to not in found and (condition is None or condition(text, place)):
                    found.add(to)
                    waiting.append(to)
        return found

    def _takes(self, letters: Any, letter: str) -> bool:
        known = self._letters.setdefault(letters, {})
        if letter not in known:
            known[letter] = letters.match(letter) is not None
        return known[letter]

    def _new(self) -> int:
        if len(self._free) >= STATES:
            raise _NoAutomaton(f"it needs more than {STATES} states")
        self._free.append([])
        self._eats.append(None)
        return len(self._free) - 1

    def _sequence(self, items: list[Any], after: int, flags: int) -> int:
        for item in reversed(items):
            after = self._one(item, after, flags)
        return after

    def _one(self, item: tuple[Any, Any], after: int, flags: int) -> int:
        name, what = str(item[0]), item[1]
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            begin = self._new()
            self._eats[begin] = (self._alone(item, flags), after)
            return begin
        if name == "AT":
            anchor = self._alone(item, flags)
            return self._if(lambda text, place: anchor.match(text, place) is not None, after)
        if name == "SUBPATTERN":
            _, add, drop, inner = what
            return self._sequence(list(inner), after, (flags | add) & ~drop)
        if name == "BRANCH":
            begin = self._new()
            self._free[begin] = [(self._sequence(list(way), after, flags), None) for way in what[1]]
            return begin
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = what
            return self._repeat(least, most, inner, after, flags)
        if name in ("ASSERT", "ASSERT_NOT"):
            direction, inner = what
            return self._if(self._look(direction, inner, flags, wanted=name == "ASSERT"), after)
        raise _NoAutomaton(f"what it asks for ({name.lower().replace('_', ' ')}) takes more than linear time")

    def _repeat(self, least: int, most: int, inner: Any, after: int, flags: int) -> int:
        items, endless = list(inner), most == _constants.MAXREPEAT
        if max(least, 0 if endless else most) > STATES:
            raise _NoAutomaton(f"it needs more than {STATES} states")
        if endless:
            begin = self._new()
            self._free[begin] = [(after, None), (self._sequence(items, begin, flags), None)]
            after = begin
        else:
            skip = after
            for _ in range(most - least):
                begin = self._new()
                self._free[begin] = [(skip, None), (self._sequence(items, after, flags), None)]
                after = begin
        for _ in range(least):
            after = self._sequence(items, after, flags)
        return after

    def _if(self, condition: Any, after: int) -> int:
        begin = self._new()
        self._free[begin] = [(after, condition)]
        return begin

    def _look(self, direction: int, inner: Any, flags: int, *, wanted: bool) -> Any:
        """What must, or must not, be found ahead of a place or behind it; looked up once for each place of a text."""
        machine = _Machine(self._state, inner, flags)
        width = inner.getwidth()[0]
        known: dict[tuple[str, int], bool] = {}

        def holds(text: str, place: int) -> bool:
            if (text, place) not in known:
                if known and next(iter(known))[0] != text:
                    known.clear()
                known[text, place] = (
                    machine.matches(text, range(place, place + 1))
                    if direction > 0
                    else place >= width and machine.matches_exactly(text, place - width, place)
                )
            return known[text, place] == wanted

        return holds

    def matches_exactly(self, text: str, start: int, stop: int) -> bool:
        """Does the whole of text[start:stop] match?"""
        here = self._reach({self._begin}, text, start)
        for place in range(start, stop):
            letter = text[place]
            here = {eat[1] for s in here if (eat := self._eats[s]) and self._takes(eat[0], letter)}
            here = self._reach(here, text, place + 1)
        return self._end in here

    def _alone(self, item: Any, flags: int) -> Any:
        """One letter, class or anchor as an expression of re's own."""
        part = _parts.SubPattern(self._state, [item])
        group = _parts.SubPattern(self._state, [(_constants.SUBPATTERN, (None, flags, 0, part))])
        return _compile(group, flags)
