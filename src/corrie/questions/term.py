"""One word of a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _any(value: Any) -> None:
    """Everything is valid."""


@dataclass(frozen=True)
class Term:
    """What a field of a question is: stands in its type, ``Annotated[int, Term("Draws.", check)]``.

    says     the option's help: what it is, in a line or two
    check    raises InputError for a value that is not valid; a missing one (None) is not checked
    read     how its text on the command line becomes the value, where that is more than a number or a word
    flags    the option's names, where they are not the field's
    place    what it is called in the usage line, if it is an argument and no option
    """

    says: str
    check: Callable[[Any], object] = _any
    read: Callable[[str], Any] | None = None
    flags: tuple[str, ...] = ()
    place: str = ""
