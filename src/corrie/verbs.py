"""The short verbs at the top: they compose floors and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.analysis.certificate import RETAIN, Certificate
from corrie.analysis.fraction_claim import FractionClaim
from corrie.analysis.landscape import Landscape
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.subspaces import find_subspace, fine_tuned
from corrie.records.direction import Direction, gaussian
from corrie.records.fraction_spec import parse_design
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaAuto, AlphaGrid, parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.records.subspace import parse_subspace
from corrie.scanning.certificate_scan import ROWS, SELECTION_DRAWS, THRESHOLDS, CertificateScan
from corrie.scanning.fraction_scan import FractionScan
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Watch
from corrie.weights.space import Space, fine_lattice

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


def certify(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    subspace: str | Space = "full",
    sigma: float,
    draws: int = 300,
    confidence: float = 0.99,
    tuned: str | Path | None = None,
    distance: float | None = None,
    retain: float = RETAIN,
    exact: bool = True,
    selection_draws: int = SELECTION_DRAWS,
    ratio: float | None = None,
    thresholds: int = THRESHOLDS,
    seeds: int | None = None,
    rows: int = ROWS,
    to: str | Path | None = None,
    block: int = 10,
    watch: Watch | None = None,
) -> Certificate:
    """Certify scores of the σ-smoothed model after *every* weight change of a norm, in a subspace.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks: what is certified, on these fixed examples: a task (its first 100), or one with a limit, ``(task, 40)``.
        subspace: ``full``, ``full:rms``, ``adapter:LAYERS:RANK``, ``adapter:FOLDER``, ``core:LAYERS:RANK``,
            ``core:FILE``, ``span:PLACE,PLACE``, ``random:COUNT``, or a subspace in hand (:mod:`corrie.weights.space`).
        sigma: noise per coordinate.
        draws: certifying draws; selection draws are extra.
        confidence: with which the bounds of all tasks hold together.
        tuned: a fine-tune (adapter, checkpoint) whose distance the certificate shall speak of.
        distance: or a bare distance.
        retain: share of the smoothed score above chance whose radius is stated.
        exact: put noise and weight change on a lattice, so that sums are exact.
        selection_draws, thresholds: how the thresholds are chosen.
        ratio: r/σ at which the bound shall be as high as can be; by default what the run has fixed, else that of
            ``tuned`` or ``distance`` (at most 2), else 1.
        seeds: the first certifying draw's seed; by default a hash of the question.
        rows: draws run as one batch, where the subspace allows it.
        to: a run folder; outcomes and certificate are put there. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        watch: who is told of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for cannot be meant, loaded, or asked of this model.
        RunError: the run folder belongs to another model, or has fixed another design for this question.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> terms = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 60}
    >>> found = certify(toy_model(), [(toy_choice(), 10)], distance=5.0, **terms)
    >>> found.verdict
    'vacuous'
    """
    loaded = model if isinstance(model, Model) else load(model)
    lattice = fine_lattice(sigma) if exact else None
    space = find_subspace(loaded, parse_subspace(subspace), lattice=lattice) if isinstance(subspace, str) else subspace
    asked = fine_tuned(loaded, space, tuned, distance, lattice)
    prepared = CertificateScan.of(
        loaded,
        _limited(tasks),
        space,
        sigma=sigma,
        draws=draws,
        confidence=confidence,
        lattice=lattice,
        selection_draws=selection_draws,
        ratio=ratio,
        expected=1.0 if asked is None else asked.distance / sigma,
        thresholds=thresholds,
        first=seeds,
        rows=rows,
        block=block,
    )
    if to is None:
        return prepared.run(MemoryStore(prepared.identity), asked=asked, retain=retain, watch=watch)
    with SqliteStore.create_or_open(to, prepared.identity) as kept:
        found = prepared.run(kept, asked=asked, retain=retain, watch=watch)
    found.write(Path(to))
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


def _limited(tasks: Sequence[Task | tuple[Task, int]]) -> list[tuple[Task, int]]:
    """Every task with its number of examples."""
    return [t if isinstance(t, tuple) else (t, min(DEFAULT_LIMIT, t.identity.size)) for t in tasks]
