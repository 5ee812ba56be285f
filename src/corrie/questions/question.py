"""The base of all questions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Self, get_type_hints

from corrie.questions.term import Term


class Field(NamedTuple):
    """A field of a question: its plain type and its term."""

    type: Any
    term: Term


@dataclass(frozen=True, kw_only=True)
class BaseQuestion:
    """What is asked, apart from the model and the tasks. Each term is checked as the question is made, then all of them
    together; a question that exists is valid.

    A default is a class attribute (``FractionQuestion.tolerance``): the verb and the command take theirs from here.

    >>> from corrie.questions.fraction import FractionQuestion
    >>> FractionQuestion(sigma=0.001, at_least=0.9, confidence=0.95).tolerance
    0.05
    """

    def __post_init__(self) -> None:
        for name, field in type(self).fields().items():
            value = getattr(self, name)
            if value is not None:
                field.term.check(value)
        self.check()

    def check(self) -> None:
        """Refuse terms that are valid one by one and not together.

        Raises:
            InputError: which, and why.
        """

    @classmethod
    @cache
    def fields(cls) -> dict[str, Field]:
        """Every field with its type and term, in order."""
        hints = get_type_hints(cls, include_extras=True)
        told = {}
        for field in dataclasses.fields(cls):
            (term,) = (x for x in hints[field.name].__metadata__ if isinstance(x, Term))
            told[field.name] = Field(hints[field.name].__origin__, term)
        return told

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """The question in a verb's arguments or a command's options; what is no term of it is left."""
        return cls(**{name: given[name] for name in cls.fields() if name in given})

    def terms(self, *without: str) -> dict[str, Any]:
        """Its values by name, without some."""
        return {name: getattr(self, name) for name in type(self).fields() if name not in without}
