"""The short verbs at the top: they compose floors and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.analysis.landscape import Landscape
from corrie.capabilities.registry import DEFAULT_LIMIT, tasks
from corrie.capabilities.task import Task
from corrie.models.load import load
from corrie.models.model import Model
from corrie.records.direction import Direction, gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaAuto, AlphaGrid, parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Watch

__all__ = ["load", "scan", "tasks"]


def scan(
    model: Model | str | Path,
    tasks_: Sequence[Task | tuple[Task, int]],
    *,
    directions: Sequence[Direction] | None = None,
    alpha: str | AlphaGrid | AlphaAuto = "auto",
    to: str | Path | None = None,
    block: int = 10,
    retention: float = 0.95,
    budget: float | None = None,
    watch: Watch | None = None,
) -> Landscape:
    """Move a model along directions, score its capabilities at every point, and keep everything.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks_: tasks (:func:`corrie.tasks`), each alone (its first 100 examples) or with a limit: ``(task, 40)``.
        directions: where to; by default eight Gaussian ones, ``gaussian(range(8))``.
        alpha: step sizes, ``"LO:HI:N"``, or ``"auto"`` to look for the edges.
        to: a run folder; the same call continues it. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        retention: share ρ of the score above chance that counts as kept.
        budget: seconds to spend where they tell most.
        watch: who is told of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for cannot be meant, loaded, or asked of this model.
        RunError: the run folder belongs to another scan.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> landscape = scan(toy_model(), [(toy_choice(), 10)], directions=gaussian(2), alpha="0:0.2:3")
    >>> [str(t) for t in landscape.tasks]
    ['toy']
    """
    loaded = model if isinstance(model, Model) else load(model)
    prepared = Scan.of(
        loaded,
        [t if isinstance(t, tuple) else (t, min(DEFAULT_LIMIT, t.identity.size)) for t in tasks_],
        directions=gaussian(8) if directions is None else directions,
        alpha=parse_alpha(alpha) if isinstance(alpha, str) else alpha,
        block=block,
        retention=retention,
    )
    if to is None:
        store = MemoryStore(prepared.identity)
        prepared.run(store, budget=budget, watch=watch)
        return Landscape.from_store(store)
    with SqliteStore.create_or_open(to, prepared.identity) as kept:
        prepared.run(kept, budget=budget, watch=watch)
        return Landscape.from_store(kept)
