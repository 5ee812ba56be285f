"""The short verbs at the top: they compose floors and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.analysis.comparison import Comparison, open_runs
from corrie.analysis.fine_tune_diff import FineTuneDiff
from corrie.analysis.fraction_claim import FractionClaim
from corrie.analysis.landscape import Landscape
from corrie.analysis.retraction import Retraction
from corrie.capabilities.registry import same_tasks
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.directions import saved, tuned_direction
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.write import refuse_full, write_at
from corrie.records.direction import Direction, gaussian
from corrie.records.fraction_spec import parse_design
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaAuto, AlphaGrid, parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.fine_tune_scan import FineTuneScan
from corrie.scanning.fraction_scan import FractionScan
from corrie.scanning.retraction_scan import RetractionScan
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
    >>> [task.name for task in landscape.tasks]
    ['toy']
    """
    loaded = model if isinstance(model, Model) else load(model)
    prepared = Scan.of(
        loaded,
        _limited(tasks),
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


def fraction(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    sigma: float,
    at_least: float,
    confidence: float,
    tolerance: float = 0.05,
    design: str = "zero-failure",
    seeds: int | None = None,
    draws: int | None = None,
    to: str | Path | None = None,
    block: int = 10,
    watch: Watch | None = None,
) -> FractionClaim:
    """Claim that most directions keep a score, and draw as many as it takes to show it.

    A direction δ is good if every task's score at θ0 + σδ, on the same fixed examples, is at least
    J(θ0) − tolerance · (J(θ0) − chance). The claim is that at least a fraction of all Gaussian directions is good. It
    is fixed in the run before the first draw; the same call continues it.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks: what must be kept, all of it along the same direction: a task (its first 100 examples), or one with a
            limit, ``(task, 40)``.
        sigma: the step along each direction, noise per coordinate.
        at_least: the fraction of directions that is claimed, in (0, 1).
        confidence: with which it is claimed, in (0, 1).
        tolerance: share of the score above chance that may be lost, in [0, 1).
        design: ``zero-failure`` (n draws, stop at the first that fails), ``failures:K`` (a larger n, K may fail), or
            ``anytime`` (no n: go on until it is settled).
        seeds: the first draw's seed; by default a hash of the claim, so that each has directions of its own.
        draws: look at no more than so many; by default what the design plans, for ``anytime`` ten times what it needs
            if none fails.
        to: a run folder. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        watch: who is told of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for cannot be meant, loaded, or asked of this model; the
            unmoved model does not have a capability.
        RunError: the run folder belongs to another model, has fixed another design for this question, or has looked
            along these directions.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> claim = fraction(toy_model(), [(toy_choice(), 10)], sigma=0.001, at_least=0.5, confidence=0.9)
    >>> claim.finding
    'at least 0.5 of all directions keep toy; 4 of 4 draws did'
    """
    loaded = model if isinstance(model, Model) else load(model)
    prepared = FractionScan.of(
        loaded,
        _limited(tasks),
        sigma=sigma,
        at_least=at_least,
        confidence=confidence,
        tolerance=tolerance,
        failures=parse_design(design),
        first=seeds,
        block=block,
    )
    if to is None:
        return prepared.run(MemoryStore(prepared.identity), draws=draws, watch=watch)
    with SqliteStore.create_or_open(to, prepared.identity) as kept:
        return prepared.run(kept, draws=draws, watch=watch)


def diff(
    base: Model | str | Path,
    tuned: str | Path,
    landscape: Landscape | str | Path | None = None,
    *,
    tasks: Sequence[Task | tuple[Task, int]] | None = None,
    alpha: str | AlphaGrid = "0:1.5:7",
    directions: int = 8,
    worst: str | Path | None = None,
    tolerance: float = 0.05,
    confidence: float = 0.95,
    to: str | Path | None = None,
    block: int = 10,
    watch: Watch | None = None,
) -> FineTuneDiff:
    """What a fine-tune did: which capabilities it kept and lost, where on the way, and whether it left the basin.

    Args:
        base: a loaded model, or what :func:`corrie.load` takes.
        tuned: a checkpoint, an adapter's folder, or a path such as ``"quantised:int4"``.
        landscape: a run of the base along raw random directions, or its landscape. None: one is made, in the same run.
        tasks: what is compared, each with a limit or its first 100 examples; by default those of the landscape.
        alpha: steps along the path, ``"LO:HI:N"`` with 1 among them.
        directions: how many random directions the landscape that is made takes; 0: none is made.
        worst: a file with a saved worst-case direction of this base (:func:`corrie.weights.save_direction`).
        tolerance: share of the score above chance that may be lost, in [0, 1).
        confidence: of the intervals, and 1 − the error of each test; above 0.5.
        to: a run folder; the same call continues it, and other fine-tunes of the base share it. None: in memory.
        block: examples scored together; part of a run's identity.
        watch: who is told of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for cannot be meant, loaded, or asked of this model.
        RunError: the run folder or the landscape is of another model.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import save_toy, toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> other = save_toy(Path(tempfile.mkdtemp()) / "tuned", seed=1)
    >>> diff(toy_model(), other, tasks=[(toy_choice(), 40)], alpha="1", directions=0).lost
    ('toy',)
    """
    loaded = base if isinstance(base, Model) else load(base)
    around = Landscape.open(landscape, "none") if isinstance(landscape, str | Path) else landscape
    prepared = FineTuneScan.of(
        loaded,
        tuned_direction(loaded, tuned),
        _limited(_measured(around) if tasks is None else tasks),
        alpha=AlphaGrid.parse(alpha) if isinstance(alpha, str) else alpha,
        landscape=around,
        directions=directions,
        worst=None if worst is None else saved(loaded, worst),
        tolerance=tolerance,
        confidence=confidence,
        block=block,
    )
    if to is None:
        return prepared.run(MemoryStore(prepared.identity), watch=watch)
    with SqliteStore.create_or_open(to, prepared.identity) as kept:
        found = prepared.run(kept, watch=watch)
    found.keep(Path(to))
    return found


def compare(
    *runs: str | Path,
    unit: str = "sigma",
    retention: float | None = None,
    confidence: float = 0.95,
    figure: str | Path | None = None,
) -> Comparison:
    """Basins of several models or checkpoints side by side: radii, how they nest, and which can be told apart.

    Args:
        runs: run folders along raw random directions, two or more.
        unit: in which distances are compared: ``sigma``, ``l2``, or ``relative`` (to a typical weight).
        retention: share of the score above chance that must be kept (default: what the first run asked for).
        confidence: of the intervals, and of all the differences together.
        figure: draw it into this .pdf, .png or .svg file, too.

    Raises:
        RunError: a folder without a run, or runs that measured no task in common, or another one of the same name.
        InputError: fewer than two runs, directions without a radius, an ending that is not known.
        StorageError: the disk refuses.
    """
    found = Comparison.of(open_runs(runs), unit=unit, retention=retention, confidence=confidence)
    if figure is not None:
        from corrie.reporting.comparison_figure import save_comparison

        save_comparison(found, figure)
    return found


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


def retract(
    base: Model | str | Path,
    tuned: str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    out: str | Path | None = None,
    skills: Sequence[Task | tuple[Task, int]] = (),
    tolerance: float = 0.05,
    confidence: float = 0.95,
    to: str | Path | None = None,
    block: int = 10,
    watch: Watch | None = None,
) -> Retraction:
    """Pull a fine-tune back along its path until every named capability is kept, and write it.

    Args:
        base: a loaded model, or what :func:`corrie.load` takes.
        tuned: a checkpoint, an adapter's folder, or another path, as of :func:`diff`.
        tasks: what must be kept, each with a limit or its first 100 examples; the next ones confirm.
        out: a new folder for the retracted checkpoint or adapter. None, or where α is 0: nothing is written.
        skills: what the fine-tune was for: scored at the base, at the fine-tune and where the search ends.
        tolerance: share of the score above chance that may be lost, in [0, 1).
        confidence: 1 − the error of each test on fresh examples; above 0.5.
        to: a run folder (a diff's is a good one). None: in memory.
        block: examples scored together; part of a run's identity.
        watch: who is told of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for cannot be meant, loaded, or asked of this model; the
            base does not have a capability.
        RunError: the run folder is of another model.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import save_toy, toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> other = save_toy(Path(tempfile.mkdtemp()) / "tuned", seed=1)
    >>> 0 < retract(toy_model(), other, [(toy_choice(), 20)]).alpha < 0.5
    True
    """
    if out is not None:
        refuse_full(Path(out))
    loaded = base if isinstance(base, Model) else load(base)
    direction = tuned_direction(loaded, tuned)
    prepared = RetractionScan.of(
        loaded,
        direction,
        _limited(tasks),
        skills=_limited(skills),
        tolerance=tolerance,
        confidence=confidence,
        block=block,
    )
    if to is None:
        found = prepared.run(MemoryStore(prepared.identity), watch=watch)
    else:
        with SqliteStore.create_or_open(to, prepared.identity) as kept:
            found = prepared.run(kept, watch=watch)
    if out is None or not found.alpha:
        return found
    return found.model_copy(update={"written": str(write_at(loaded, direction, found.alpha, Path(out)))})


def _measured(landscape: Landscape | None) -> list[tuple[Task, int]]:
    """A landscape's tasks, with as many examples as it has."""
    if landscape is None:
        raise InputError("a diff", found="neither tasks nor a landscape", advice='tasks=corrie.tasks("knowledge")')
    found = same_tasks(landscape.tasks)
    return [(task, landscape[task.identity.name].sizes["example"]) for task in found]


def _limited(tasks: Sequence[Task | tuple[Task, int]]) -> list[tuple[Task, int]]:
    """Every task with its number of examples."""
    return [t if isinstance(t, tuple) else (t, min(DEFAULT_LIMIT, t.identity.size)) for t in tasks]
