"""The short verbs at the top: they compose floors and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.analysis.landscape import Landscape
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.records.direction import Direction, gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaAuto, AlphaGrid, parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Watch

DEFAULT_LIMIT = 100
"""Examples of a task that is asked for without a number."""


def scan(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
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
        tasks: what is scored (:func:`corrie.tasks`): a task (its first 100 examples), or one with a limit,
            ``(task, 40)``.
        directions: where to; by default eight Gaussian ones, ``gaussian(range(8))``. Also :func:`corrie.toward`,
            :func:`corrie.adapter`, :func:`corrie.saved` (made for this loaded model) and :func:`corrie.quantised`.
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
        [t if isinstance(t, tuple) else (t, min(DEFAULT_LIMIT, t.identity.size)) for t in tasks],
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


def report(
    runs: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    figure: str | Path | None = None,
    retention: float | None = None,
    confidence: float = 0.95,
    show_sensitive: bool = False,
) -> tuple[Path, ...]:
    """Draw runs: one HTML file that opens from disk without a network, a figure for a paper, or both.

    Args:
        runs: run folders; several stand one after the other.
        out: the HTML file.
        figure: a .pdf, .png or .svg file.
        retention: share of the score above chance that counts as kept (default: what the scan asked for).
        confidence: of the intervals.
        show_sensitive: include the model's answers to harmful requests.

    Returns:
        What was written.

    Raises:
        RunError: a folder without a run.
        InputError: nothing to write, an ending that is not known, a missing optional package.
    """
    if out is None and figure is None:
        raise InputError("a report", found="no file to write", advice="out='report.html' or figure='figure.pdf'")
    made: list[Path] = []
    if out is not None:
        from corrie.reporting.html import write_report

        terms = {"retention": retention, "confidence": confidence, "show_sensitive": show_sensitive}
        made.append(write_report(list(runs), out, **terms))
    if figure is not None:
        from corrie.reporting.figure import save_figure

        made += [
            save_figure(Landscape.open(run), file, retention=retention, confidence=confidence)
            for run, file in zip(runs, _one_file_each(Path(figure), len(runs)), strict=True)
        ]
    return tuple(made)


def _one_file_each(figure: Path, count: int) -> list[Path]:
    """``figure.pdf`` for one run; ``figure-1.pdf``, ``figure-2.pdf``, … for several."""
    if count == 1:
        return [figure]
    return [figure.with_name(f"{figure.stem}-{number}{figure.suffix}") for number in range(1, count + 1)]
