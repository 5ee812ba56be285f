"""What the libraries below raise while they read a file, turned into one sentence that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from corrie.errors import CorrieError, ModelError

_LONGEST = 300


@contextmanager
def blamed(asked: str, file: str, advice: str = "") -> Iterator[None]:
    """A block in which whatever goes wrong below is the fault of one file.

    A Rust library that panics raises what is no ``Exception``: that is taken as well. An interrupt passes.

    Args:
        asked: what was asked for.
        file: the file that is read in the block.
        advice: what to try.

    Raises:
        ModelError: something was raised in the block that is not corrie's own.

    >>> with blamed("model toy", "config.json"):
    ...     1 // 0
    Traceback (most recent call last):
    corrie.errors.ModelError: model toy: config.json cannot be read (ZeroDivisionError: integer division or modulo ...
    """
    try:
        yield
    except CorrieError:
        raise
    except BaseException as problem:
        if isinstance(problem, MemoryError) or not (isinstance(problem, Exception) or _panic(problem)):
            raise
        raise ModelError(asked, found=f"{file} cannot be read ({first_words(problem)})", advice=advice) from problem


def first_words(problem: BaseException) -> str:
    """The kind of an error and its first line, and the next where that one ends in a colon, cut to a length that a
    terminal bears.

    >>> first_words(ValueError("one\\ntwo")), first_words(ValueError("field 'x':\\n  no number\\nthree"))
    ('ValueError: one', "ValueError: field 'x': no number")
    """
    lines = str(problem).strip().splitlines()
    colon = len(lines) > 1 and lines[0].rstrip().endswith(":")
    first = " ".join(line.strip() for line in lines[: 2 if colon else 1])
    if len(first) > _LONGEST:
        first = first[:_LONGEST] + "…"
    return f"{type(problem).__name__}: {first}" if first else type(problem).__name__


def _panic(problem: BaseException) -> bool:
    return type(problem).__module__ == "pyo3_runtime"
