"""``corrie``: the command line. Each command composes the verbs; what it prints on stdout is the result."""

from __future__ import annotations

import errno
import os
import signal
import sys
import warnings
from functools import cache
from typing import Annotated, Any

import typer

from corrie.cli import (
    certify,
    compare,
    diff,
    doctor,
    draw,
    export,
    fraction,
    generalise,
    inputs,
    merge,
    models,
    plane,
    project,
    protect,
    report,
    retract,
    scan,
    show,
    tasks,
    verify,
    widen,
    worst,
)
from corrie.cli.console import complain, ready
from corrie.cli.light_command import LightCommand
from corrie.cli.pages import Grouped, example
from corrie.errors import CorrieError, PrecisionWarning, StorageError

INTERRUPTED = 130

app = typer.Typer(
    name="corrie",
    cls=Grouped,
    help="How far can a language model be moved before it breaks? Maps the basins of large language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    scan.scan,
    fraction.fraction,
    certify.certify,
    protect.protect,
    widen.widen,
    verify.verify,
    draw.draw,
    project.project,
    generalise.generalise,
    plane.plane,
    worst.worst,
    inputs.inputs,
    diff.diff,
    retract.retract,
    merge.merge,
    compare.compare,
    show.show,
    report.report,
    export.export,
    tasks.tasks,
    models.models,
    doctor.doctor,
):
    app.command(cls=LightCommand, epilog=example(command.__name__))(command)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"corrie {version('corrie')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """How far can a language model be moved before it breaks? Maps the basins of large language models."""


@cache
def commands() -> Any:
    """All commands with what each takes, read off their signatures: that is as much work as many a command."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 3 a claim that does not hold, 130 interrupted."""
    ready()
    warnings.showwarning = _show_warning
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        commands()(prog_name="corrie")
    except CorrieError as error:
        _stop(str(error), error.exit_code)
    except _Interrupted:
        _stop("what was scored is kept; the same command continues.", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG, errno.ELOOP):
            raise
        refused = StorageError(
            f"the file {str(error.filename)[:200] if error.filename else ''}".strip(),
            found=error.strerror or str(error),
            advice="another place, with room",
        )
        _stop(str(refused), refused.exit_code)


def _stop(message: str, code: int) -> None:
    complain(message, "Interrupted" if code == INTERRUPTED else "Error")
    sys.exit(code)


class _Interrupted(BaseException):
    """Ctrl-C or a polite kill. (Of its own kind, since the command-line library has its own way with the usual one.)"""


def _interrupt(number: int, frame: object) -> None:
    """Leave every ``with`` block on the way out: weights restored, store closed."""
    raise _Interrupted


_said: set[str] = set()


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Our warnings as sentences, one of each kind; other people's as they are, once."""
    text = str(message)
    kind = category.__name__ if issubclass(category, PrecisionWarning) else text
    if kind not in _said:
        _said.add(kind)
        complain(text, "Warning")


if __name__ == "__main__":
    main()
