"""Where a written answer ends: before the first of some strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final

_MORE = 8
"""Tokens that a string is looked for in beside those it may take itself: what settles it may come a little later."""


@final
@dataclass(frozen=True, slots=True)
class Stops:
    """Stop strings, and the one rule by which a text is cut at them.

    strings   the text ends before the first of these
    inside    white space that the text begins with is passed over: it stops nothing

    >>> Stops(("\\n\\n", "Question:")).cut("\\n\\n 18\\n\\nQuestion: how")
    '\\n\\n 18'
    >>> Stops(("\\n\\n", "Question:"), inside=False).cut("\\n\\n 18")
    ''
    """

    strings: tuple[str, ...] = ()
    inside: bool = True

    def cut(self, text: str) -> str:
        """The text before the first of the strings."""
        place = self._place(text)
        return text if place is None else text[:place]

    def reached(self, text: str) -> bool:
        """Whether the cut stays where it is, whatever is written behind this text.

        It does not where a longer string has begun before the one that was found, and may still be finished:

        >>> stops = Stops(("b", "abcd"))
        >>> stops.reached("xab"), stops.reached("xabd"), stops.cut("xabd"), stops.cut("xabcd")
        (False, True, 'xa', 'x')
        """
        place = self._place(text)
        if place is None:
            return False
        first = max(self._begins(text), len(text) - max(map(len, self.strings)) + 1)
        begun = (text[start:] for start in range(first, place))
        return not any(string.startswith(rest) for rest in begun for string in self.strings)

    def _begins(self, text: str) -> int:
        return len(text) - len(text.lstrip()) if self.inside else 0

    def _place(self, text: str) -> int | None:
        begins = self._begins(text)
        return min((place for string in self.strings if (place := text.find(string, begins)) >= 0), default=None)


class Decoder(Protocol):
    """What makes text of tokens (:class:`corrie.models.encoding.Encoder`)."""

    def decode(self, ids: Sequence[int], *, special: bool) -> str:
        """The text of these tokens."""
        ...

    def settled(self, ids: Sequence[int]) -> str:
        """As much of it as no token that follows can change."""
        ...


def stopping(stops: Stops, decoder: Decoder) -> Callable[[Sequence[int]], bool] | None:
    """Whether tokens that were written have reached a stop string, so that no more of them are needed; None where
    there is no string.

    The last tokens alone are decoded, as many as the longest string can take (a byte each) and a few more; only where
    one of the strings is among them, the whole is. What is missed there is found by the cut, a few tokens later.
    """
    if not stops.strings:
        return None
    window = max(len(string.encode()) for string in stops.strings) + _MORE

    def reached(ids: Sequence[int]) -> bool:
        tail = decoder.decode(ids[-window:], special=False)
        return any(string in tail for string in stops.strings) and stops.reached(decoder.settled(ids))

    return reached
