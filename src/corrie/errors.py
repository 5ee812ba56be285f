"""Everything that corrie raises on purpose.

::

    Exception
    └── CorrieError                 asked · found · try        exit code 2
        ├── InputError              a value that is not valid: an empty range, zero examples
        │   └── UnknownName         no model, task or direction of that name (with the nearest)
        ├── ModelError              weights that cannot be loaded, are unsafe to load, or are broken
        ├── TaskError               a benchmark that cannot be read or does not fit the model
        ├── RunError                a run folder that is foreign, corrupt, locked or of another model
        ├── FetchError              something must be fetched and cannot be, or is not what was pinned
        ├── StorageError            the disk refuses: full, read-only, no permission
        ├── RestoreError            weights could not be put back bit for bit (a defect: please report)
        └── ClaimError              a claim that was asked for does not hold      exit code 3

    UserWarning
    ├── PrecisionWarning            the weights' precision swallows part of the asked step
    ├── LeftOutWarning              part of what was read has no place in the model, and stays out
    └── OtherBaseWarning            an adapter names another base than the model that it moves
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LISTED = 200
_NEAREST = 6
"""Names that an error lists: all of so many, or the nearest of more."""


class CorrieError(Exception):
    """An error a user can act on: what was asked, what was found, what to try.

    >>> print(InputError("alpha range 0.04:0:5", found="its end lies below its start", advice="0:0.04:5"))
    alpha range 0.04:0:5: its end lies below its start. Try: 0:0.04:5
    """

    exit_code = 2

    def __init__(self, asked: str, *, found: str = "", advice: str = "") -> None:
        self.asked = asked
        self.found = found
        self.advice = advice
        message = f"{asked}: {found}" if found else asked
        if advice:
            message = f"{message.rstrip('.')}. Try: {advice}"
        super().__init__(message)


class InputError(CorrieError):
    """A value that is not valid."""


class UnknownName(InputError):
    """No model, task, direction or capability of that name. Of very many names only the nearest are said.

    >>> print(UnknownName("task", "gsm9k", ["gsm8k", "math"]))
    no task named 'gsm9k'. Known: gsm8k, math. Did you mean 'gsm8k'?
    >>> print(UnknownName("task", "gsm9k", ["gsm8k", "gsm8k_cot", *map(str, range(1000))]))
    no task named 'gsm9k' among 1,002. The nearest: gsm8k, gsm8k_cot. Did you mean 'gsm8k'?
    """

    def __init__(self, kind: str, asked: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = asked
        self.known = sorted(known)
        near = difflib.get_close_matches(asked, self.known, n=_NEAREST, cutoff=0.5)
        if len(self.known) <= _LISTED:
            message = f"no {kind} named {asked!r}. Known: {', '.join(self.known)}."
        else:
            message = f"no {kind} named {asked!r} among {len(self.known):,}."
            message += f" The nearest: {', '.join(near)}." if near else ""
        if near:
            message += f" Did you mean {near[0]!r}?"
        super().__init__(message)


class ModelError(CorrieError):
    """Weights that cannot be loaded, are unsafe to load, or are broken."""


class TaskError(CorrieError):
    """A benchmark that cannot be read or does not fit the model."""


class RunError(CorrieError):
    """A run folder that is foreign, corrupt, locked, or belongs to another model or other data."""


class FetchError(CorrieError):
    """Something must be fetched and cannot be, or is not what was pinned."""


class StorageError(CorrieError):
    """The disk refuses: full, read-only, no permission."""


class RestoreError(CorrieError):
    """Weights could not be put back bit for bit."""


class ClaimError(CorrieError):
    """A claim that was asked for does not hold."""

    exit_code = 3


class PrecisionWarning(UserWarning):
    """The weights' precision swallows part of the asked step."""


class LeftOutWarning(UserWarning):
    """Part of what was read has no place in the model, and stays out."""


class OtherBaseWarning(UserWarning):
    """An adapter names another base than the model that it moves."""
