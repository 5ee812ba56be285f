"""``corrie tasks``."""

from __future__ import annotations

from typing import Annotated

import typer

from corrie.cli.console import console, give


def tasks(as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """Every named task: what it measures, how it is scored, its chance level and size."""
    from dataclasses import asdict

    from corrie.capabilities.listed import catalogue

    entries = catalogue()
    if as_json:
        give({"tasks": [asdict(entry) for entry in entries]})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("task", "capability", "scoring", "chance", "examples", "source", "licence"):
        table.add_column(heading, no_wrap=heading in ("task", "capability"))
    for entry in entries:
        table.add_row(
            entry.name + (" *" if entry.default else ""),
            entry.capability or "",
            entry.scoring or "",
            "" if entry.chance is None else f"{entry.chance:.2f}",
            "" if entry.size is None else str(entry.size),
            entry.source,
            entry.licence or "",
        )
    console().print(table)
    give("* in the default suite. A task of your own: -t FILE.jsonl")
