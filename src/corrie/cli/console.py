"""Words for the person at the terminal go to stderr; results go to stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def complain(message: str, kind: str = "Error") -> None:
    """An error, a warning or a note, on stderr."""
    say(f"{kind}: {message}")


def say(message: str) -> None:
    """What is being done, on stderr."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def wide_enough() -> Console:
    """A console for tables on stdout: the terminal's width, or enough for a table where there is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 140)


def give(value: str | dict[str, Any] | list[Any]) -> None:
    """The result, on stdout: text, or JSON that stands alone."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
