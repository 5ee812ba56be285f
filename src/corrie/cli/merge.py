"""``corrie merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give, say


def merge(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folders of one model; one with shards in it stands for these.", metavar="RUN..."),
    ],
    to: Annotated[
        Path | None, typer.Option(help="The run folder that is made or extended. Default: RUN, if it is the only one.")
    ] = None,
) -> None:
    """Make one run of several: of shards, or of what was scored on several machines.

    Every cell, point, claim and provenance is copied; the runs themselves are only read. Runs that do not belong
    together are refused before anything is written. Again is harmless, and adds what has come since.
    """
    from corrie.records.merging import merge_runs
    from corrie.reporting.kept_reading import keep_reading

    merged = merge_runs(runs, to)
    keep_reading(merged.to)
    give(str(merged))
    say(f"Next: corrie show {merged.to}; the command of the shards without --shard finds everything scored.")
