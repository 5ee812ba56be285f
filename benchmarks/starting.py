"""How long commands take that only look: CPU time of each, over that of loading the libraries that draw them.

``show`` of a scan along random directions fits curves, which takes NumPy and SciPy's special functions: about thirteen
times as long as loading the libraries (the time of loading these and what the records are made of is measured too, as
the least that it can take). What it says is kept (``corrie.reporting.kept_reading``) where a verb ends a run, and where
``show`` had to read, so it takes no more than the other commands. Both are measured: the first ``show`` of a run that
:func:`corrie.scan` has just made, and that of a run with an empty cache folder, whose reading is nowhere.

Of what the others take, most is the command line library's own: for the first parameter that was given, typer loads
pydantic (``corrie.cli.light_command``).

    python benchmarks/starting.py

Every command is a process of its own; the smallest of several runs counts, since others share the machine.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import cliff_run, identity

RUNS = 7
NEEDED = "typer, rich, pydantic, sqlite3, numpy, scipy.special"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""With byte code kept, as that of every installed package is."""
COMMANDS = (("--help",), ("--version",), ("tasks",), ("models",), ("doctor",), ("show", "{run}"))


SCAN = """
import sys, corrie
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
terms = {"directions": corrie.gaussian(3), "alpha": "0:0.4:9", "to": sys.argv[1]}
corrie.scan(toy_model(), [(toy_choice(name=name), 20) for name in "abcde"], **terms)
"""
"""A verb, called from Python: five tasks along three directions."""


def seconds(arguments: list[str], *, fresh: bool = False, runs: int = RUNS) -> float:
    """The least CPU time of a Python process with these arguments; ``fresh``: each with an empty cache folder."""
    taken = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as empty:
            own = {**ENVIRONMENT, **({"CORRIE_CACHE": empty} if fresh else {})}
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=own)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        with SqliteStore.create_or_open(run, identity()) as store:
            cliff_run(store, directions=3, examples=20)
        unit = seconds(["-c", "import typer, rich"])
        print(f"python -c 'import typer, rich': {unit:.2f} CPU-seconds")
        least = seconds(["-c", f"import {NEEDED}"])
        print(f"python -c 'import {NEEDED}': {least:.2f} CPU-seconds, {least / unit:.1f} times as long")
        for command in COMMANDS:
            words = [word.format(run=run) for word in command]
            took = seconds(["-m", "corrie.cli.main", *words])
            print(f"corrie {command[0]}: {took:.2f} CPU-seconds, {took / unit:.1f} times as long")
        made = []
        for number in range(RUNS):
            place = str(Path(folder) / f"made-{number}")
            seconds(["-c", SCAN, place], runs=1)
            made.append(seconds(["-m", "corrie.cli.main", "show", place], runs=1))
        first = min(made)
        print(f"corrie show, the first, after a verb: {first:.2f} CPU-seconds, {first / unit:.1f} times as long")
        unread = seconds(["-m", "corrie.cli.main", "show", str(run)], fresh=True)
        print(f"corrie show, read nowhere: {unread:.2f} CPU-seconds, {unread / unit:.1f} times as long")


if __name__ == "__main__":
    main()
