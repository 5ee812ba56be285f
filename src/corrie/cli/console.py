"""Words for the person at the terminal go to stderr; results go to stdout.

Everything that is printed passes here: a terminal that lacks a mark gets its name (σ becomes sigma), characters that
would steer it are shown, and a reader that went away (``corrie tasks | head -1``) is no error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from corrie.reporting.visible import ERRORS, visible

if TYPE_CHECKING:
    from rich.console import Console

GONE = (errno.EPIPE, errno.EBADF, errno.EINVAL)
"""What the system says when nobody reads any more (the last on Windows)."""


def ready() -> None:
    """Make the three standard streams fit to be written: there, and never failing at a character."""
    with contextlib.suppress(OSError):
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass  # a closed one would be given to the next file that is opened
        os.close(handle)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process lives)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def hush(stream: TextIO) -> None:
    """Let what is still to come go nowhere: nobody reads it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError as error:
        if error.errno not in GONE:
            raise
        hush(stream)


def complain(message: str, kind: str = "Error") -> None:
    """An error, a warning or a note, on stderr."""
    say(f"{kind}: {message}")


def say(message: str) -> None:
    """What is being done, on stderr."""
    _write(sys.stderr, visible(message))


def console(*, errors: bool = False) -> Console:
    """Where rich writes: stdout for tables (the terminal's width, or enough where there is no terminal), or stderr."""
    from corrie.cli.careful_console import CarefulConsole

    if errors:
        return CarefulConsole(stderr=True)
    return CarefulConsole(width=None if sys.stdout.isatty() else 140)


def give(value: str | dict[str, Any] | list[Any]) -> None:
    """The result, on stdout: text, or JSON that stands alone (in ASCII where the terminal lacks one of its marks)."""
    emit(printed(value))


def emit(text: str) -> None:
    """On stdout, as it is: what :func:`printed` made, or a console drew."""
    _write(sys.stdout, text)


def printed(value: str | dict[str, Any] | list[Any]) -> str:
    """What :func:`give` prints, without its last line's end."""
    if isinstance(value, str):
        return visible(value.rstrip("\n"))
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
        hidden = visible(text) != text
    except UnicodeEncodeError:
        hidden = True
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=True) if hidden else text
