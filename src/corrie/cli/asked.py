"""What several commands ask for in the same way: a model to move, and tasks to score it by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from corrie.cli.console import say

if TYPE_CHECKING:
    from corrie.capabilities.task import Task
    from corrie.models.model import Model


def load_model(
    name: str, *, dtype: str, device: str, include: Sequence[str] = ("*",), exclude: Sequence[str] = ()
) -> Model:
    """The model, said on stderr."""
    say(f"Loading {name} …")
    from corrie.models.load import load

    loaded = load(name, dtype=dtype, device=device, include=tuple(include), exclude=tuple(exclude), say=say)
    say(str(loaded) + "".join(f"\nNote: {note}." for note in loaded.identity.notes))
    return loaded


def choose_tasks(written: Sequence[str], *, limit: int, chat: bool) -> list[tuple[Task, int]]:
    """Tasks as they are written on the command line, each with its number of examples."""
    from corrie.capabilities.registry import examples_asked, parse_task, tasks

    asked = [parse_task(text) for text in written]
    found = tasks(*(a.name for a in asked), chat=chat, say=say) if asked else ()
    return [(t, examples_asked(t, a.limit or min(limit, t.identity.size))) for t, a in zip(found, asked, strict=True)]
