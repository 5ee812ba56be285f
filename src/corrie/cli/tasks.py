"""``corrie tasks``."""

from __future__ import annotations

from typing import Annotated

import typer

from corrie.cli.console import console, give

Beginning = Annotated[
    str,
    typer.Argument(
        metavar="[lm_eval:BEGINNING]",
        show_default=False,
        help="List the tasks, groups and tags of lm-evaluation-harness that begin so instead, if it is installed.",
    ),
]


def tasks(
    beginning: Beginning = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Every named task: what it measures, how it is scored, its chance level and size."""
    if beginning:
        _of_the_harness(beginning, as_json)
        return
    from dataclasses import asdict

    from corrie.capabilities.listed import catalogue
    from corrie.sources.harness_names import harness_version

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
    version = harness_version()
    if version is None:
        give("Tasks of lm-evaluation-harness: pip install 'corrie[lm_eval]', then -t lm_eval:NAME")
    else:
        give(f"Tasks of lm-evaluation-harness {version}: -t lm_eval:NAME (corrie tasks lm_eval:gsm lists some)")


def _of_the_harness(beginning: str, as_json: bool) -> None:
    """The harness's names that begin so, without loading it."""
    from corrie.errors import InputError, UnknownName
    from corrie.sources.harness_names import HARNESS, harness_names

    prefix = f"{HARNESS}:"
    if not f"{beginning}:".startswith(prefix):
        raise InputError(
            f"corrie tasks {beginning}",
            found="only the tasks of lm-evaluation-harness are listed by their beginning",
            advice=f"corrie tasks {prefix}gsm",
        )
    known = harness_names()
    asked = beginning.removeprefix(HARNESS).removeprefix(":")
    found = known.beginning(asked)
    if not found:
        raise UnknownName("task of lm-evaluation-harness", asked, known.all)
    if as_json:
        kinds = {**dict.fromkeys(known.tags, "tag"), **dict.fromkeys(known.tasks, "task")}
        kinds |= dict.fromkeys(known.groups, "group")
        give({"tasks": [{"name": prefix + name, "kind": kinds[name]} for name in found]})
        return
    for name in found:
        several = len(known.tags[name]) if name in known.tags else None
        words = "a group of tasks" if name in known.groups else f"{several} tasks" if several else ""
        give(f"{prefix}{name}" + (f"  ({words})" if words else ""))
