"""The short verbs at the top: they compose floors and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from corrie.analysis.certificate import Certificate
from corrie.analysis.certificates_at_hand import certificates_at_hand
from corrie.analysis.comparison import Comparison, open_runs
from corrie.analysis.fine_tune_diff import FineTuneDiff
from corrie.analysis.fraction_claim import FractionClaim
from corrie.analysis.generalisation import Generalisation
from corrie.analysis.input_certificate import InputCertificate
from corrie.analysis.landscape import Landscape
from corrie.analysis.plane import Plane
from corrie.analysis.retraction import Retraction
from corrie.analysis.verification import verify
from corrie.analysis.whole_folder import refuse_full
from corrie.analysis.widening import Widening
from corrie.capabilities.registry import same_tasks
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.directions import saved, tuned_direction
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.write import check_beside, write_at
from corrie.questions.certificate import CertificateQuestion
from corrie.questions.diff import DiffQuestion, steps_to
from corrie.questions.fraction import FractionQuestion
from corrie.questions.generalisation import GeneralisationQuestion
from corrie.questions.inputs import InputQuestion
from corrie.questions.plane import PlaneQuestion
from corrie.questions.protection import ProtectionQuestion
from corrie.questions.retraction import RetractionQuestion
from corrie.questions.scan import ScanQuestion
from corrie.questions.search import SearchQuestion
from corrie.questions.served import DrawQuestion, PullBackQuestion
from corrie.questions.widening import WideningQuestion
from corrie.records.direction import Direction
from corrie.records.input_spec import INPUT_EXAMPLES
from corrie.records.merging import Merged, merge_runs
from corrie.records.paths import Saved
from corrie.records.scan_spec import Alpha, AlphaGrid
from corrie.records.shard import parse_shard
from corrie.records.subspace import parse_subspace
from corrie.reporting.kept_reading import keep_reading
from corrie.scanning.batch import BatchAsked
from corrie.scanning.certificate_scan import CertificateScan
from corrie.scanning.choosing_sigma import choose_sigma
from corrie.scanning.fine_tune_scan import FineTuneScan
from corrie.scanning.fraction_scan import FractionScan
from corrie.scanning.generalisation_scan import GeneralisationScan
from corrie.scanning.input_trial import InputTrial
from corrie.scanning.protection import protection
from corrie.scanning.retraction_scan import RetractionScan
from corrie.scanning.scan import Scan
from corrie.scanning.search import FoundDirection, OnLook, Search
from corrie.scanning.watch import Watch
from corrie.scanning.worst_search import WorstSearch
from corrie.sources.packages import Say, silent
from corrie.subspaces.drawn_adapters import DrawnAdapters, draw_adapters
from corrie.subspaces.find import find_subspace
from corrie.subspaces.pulling_back import PulledBack, pull_back, pull_back_alone
from corrie.subspaces.smoothed import smoothed
from corrie.subspaces.space import Space, dimension, fine_lattice
from corrie.subspaces.stand import Stand, fine_tuned, stand
from corrie.weights.asked_note import asked_of
from corrie.widening.making import Making
from corrie.widening.texts import Text

DEFAULT_LIMIT = 100
"""Examples of a task that is asked for without a number."""

_Words = ParamSpec("_Words")
_Found = TypeVar("_Found")


def _leaves_a_run(verb: Callable[_Words, _Found]) -> Callable[_Words, _Found]:
    """A verb that ends with a run in the folder ``to``: what is to be said of it is read and kept, for the first look.

    >>> import inspect
    >>> list(inspect.signature(merge).parameters)
    ['runs', 'to']
    """

    @wraps(verb)
    def asked(*args: _Words.args, **words: _Words.kwargs) -> _Found:
        found = verb(*args, **words)
        if isinstance(to := words.get("to"), str | Path):
            keep_reading(to)
        return found

    return asked


@_leaves_a_run
def scan(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    directions: Sequence[Direction] | None = None,
    alpha: str | Alpha = ScanQuestion.alpha,
    to: str | Path | None = None,
    block: int = ScanQuestion.block,
    batch: BatchAsked = ScanQuestion.batch,
    engine: str = "serial",
    precision: float | None = ScanQuestion.precision,
    most: int | None = ScanQuestion.most,
    retention: float | None = ScanQuestion.retention,
    agreement: bool = ScanQuestion.agreement,
    budget: float | None = None,
    shard: str | None = None,
    watch: Watch | None = None,
) -> Landscape:
    """Move a model along directions, score its capabilities at every point, and keep everything.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks: what is scored (:func:`corrie.tasks`): a task (its first 100 examples), or one with a limit,
            ``(task, 40)``.
        directions: where to; by default Gaussian ones, eight or as many as ``"auto"`` needs. Also
            :func:`corrie.toward`, :func:`corrie.adapter`, :func:`corrie.saved` (made for this loaded model) and
            :func:`corrie.quantised`.
        alpha: step sizes, ``"LO:HI:N"``; ``"auto"``: blocks of examples where they tell most, until every radius is
            known; ``"edges"``: a grid laid around the edges.
        to: a run folder; the same call continues it. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        batch: examples whose answers are written together, a multiple of the block: a new run's rule, by which it goes
            on. ``"320/80"``: 320 of them, 80 at a time, others come in as texts end. ``"auto"``: chosen from limits and
            memory; None: block by block.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        precision: with ``"auto"``, upper over lower limit of a radius that is narrow enough; by default 2.
        most: with ``"auto"``, outcomes of a task at most, whether its radius is known then or not; by default 640.
        retention: share ρ of the score above chance that counts as kept; by default 0.8 with ``"auto"``, else 0.95.
        agreement: with ``"auto"``, look first at how far the model says what it said, on the tasks' own texts
            (:mod:`corrie.scanning.first_answer`).
        budget: seconds to spend where they tell most.
        shard: one job of an array, ``"0/4"``: its share of the points alone, in a folder of its own in ``to``
            (:func:`merge`).
        watch: who is notified of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model.
        RunError: the run folder belongs to another scan.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> from corrie.records.direction import gaussian
    >>> landscape = scan(toy_model(), [(toy_choice(), 10)], directions=gaussian(2), alpha="0:0.2:3")
    >>> [task.name for task in landscape.tasks]
    ['toy']
    """
    question = ScanQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    prepared = Scan.asked(question, loaded, _limited(tasks), directions=directions, to=to)
    return prepared.answer(to, engine=engine, budget=budget, watch=watch)


@_leaves_a_run
def fraction(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    sigma: float,
    at_least: float,
    confidence: float,
    tolerance: float = FractionQuestion.tolerance,
    design: str = FractionQuestion.design,
    seeds: int | None = None,
    draws: int | None = None,
    shard: str | None = None,
    to: str | Path | None = None,
    block: int = FractionQuestion.block,
    engine: str = "serial",
    watch: Watch | None = None,
    say: Say = silent,
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
        shard: one job of an array, ``"0/4"``: its share of the draws alone, in a folder of its own in ``to``
            (:func:`merge`); the same call without it judges the merged run.
        to: a run folder. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model; the
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
    asked = FractionQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    terms = asked.terms("design", "seeds", "draws", "shard")
    share = parse_shard(shard)
    prepared = FractionScan.of(loaded, _limited(tasks), failures=asked.failures, first=seeds, shard=share, **terms)
    say(f"Claim: {prepared.claim}.")
    return prepared.answer(to, engine=engine, draws=draws, watch=watch)


@_leaves_a_run
def certify(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    subspace: str | Space = CertificateQuestion.subspace,
    sigma: float | Literal["auto"] = CertificateQuestion.sigma,
    draws: int = CertificateQuestion.draws,
    confidence: float = CertificateQuestion.confidence,
    tuned: str | Path | None = None,
    distance: float | None = None,
    retain: float = CertificateQuestion.retain,
    exact: bool = CertificateQuestion.exact,
    selection_draws: int = CertificateQuestion.selection_draws,
    ratio: float | None = None,
    thresholds: int = CertificateQuestion.thresholds,
    seeds: int | None = None,
    rows: int = CertificateQuestion.rows,
    to: str | Path | None = None,
    block: int = CertificateQuestion.block,
    engine: str = "serial",
    watch: Watch | None = None,
    say: Say = silent,
) -> Certificate:
    """Certify scores of the σ-smoothed model after *every* weight change of a norm, in a subspace.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks: what is certified, on these fixed examples: a task (its first 100), or one with a limit, ``(task, 40)``.
        subspace: ``full``, ``full:rms``, ``adapter:LAYERS:RANK``, ``adapter:FOLDER``, ``core:LAYERS:RANK``,
            ``core:FILE``, ``span:PLACE,PLACE``, ``random:COUNT``, or a subspace itself (:mod:`corrie.subspaces.space`).
        sigma: noise per coordinate; ``"auto"``: the largest that hardly costs any score
            (:func:`corrie.scanning.choosing_sigma.choose_sigma`).
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
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model.
        RunError: the run folder belongs to another model, or has fixed another design for this question.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> terms = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 60}
    >>> found = certify(toy_model(), [(toy_choice(), 10)], distance=5.0, **terms)
    >>> found.verdict
    'vacuous'
    """
    question = CertificateQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    chosen = _limited(tasks)
    if sigma == "auto":
        choice = choose_sigma(loaded, _space(loaded, subspace, None, say), chosen, rows=rows, block=block)
        say(f"{choice}.")
        sigma = choice.sigma
    lattice = fine_lattice(sigma) if exact else None
    space = _space(loaded, subspace, lattice, say)
    asked = fine_tuned(loaded, space, tuned, distance, lattice, say=say)
    prepared = CertificateScan.of(
        loaded,
        chosen,
        space,
        sigma=sigma,
        lattice=lattice,
        expected=1.0 if asked is None else asked.distance / sigma,
        first=seeds,
        **question.terms("subspace", "sigma", "tuned", "distance", "retain", "exact", "seeds"),
    )
    say(f"Certify in {space.spec}: {dimension(space):,} coordinates, σ = {sigma:g}, {draws} draws.")
    return prepared.answer(to, engine=engine, asked=asked, retain=retain, watch=watch)


def protect(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    out: str | Path,
    examples: Task | tuple[Task, int] | None = None,
    layers: str = ProtectionQuestion.layers,
    rank: int = ProtectionQuestion.rank,
    prompts: int = ProtectionQuestion.prompts,
    sigma: float | Literal["auto"] = ProtectionQuestion.sigma,
    draws: int = ProtectionQuestion.draws,
    confidence: float = ProtectionQuestion.confidence,
    retain: float = ProtectionQuestion.retain,
    exact: bool = ProtectionQuestion.exact,
    selection_draws: int = ProtectionQuestion.selection_draws,
    ratio: float = ProtectionQuestion.ratio,
    thresholds: int = ProtectionQuestion.thresholds,
    rows: int = ProtectionQuestion.rows,
    block: int = ProtectionQuestion.block,
    engine: str = "serial",
    watch: Watch | None = None,
    say: Say = silent,
) -> Certificate:
    """Make an adapter in which fine-tuning hardly touches what it should keep, with a certificate of how far it may go.

    Each layer's A is chosen so that the prompts of the tasks barely feel a change and the fine-tune's examples do, and
    frozen. PEFT loads the folder; freeze A while training (:func:`corrie.optim.freeze_down`) with any trainer.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks: what to keep, certified on these examples: a task (its first 100), or one with a limit, ``(task, 40)``.
        out: the folder to make. Until it is whole, the work lies beside it; the same call goes on after a stop.
        examples: the fine-tune's own; None: it is taken as unknown.
        layers: which linear layers: ``q_proj``, ``q_proj+v_proj``, a shell pattern, or ``all``.
        rank: of the adapter.
        prompts: examples of each task to listen to; those after the certified ones.
        sigma, draws, confidence, retain, exact, selection_draws, thresholds, rows: as of :func:`certify`.
        ratio: r/σ at which the bound shall be as high as can be.
        block: examples scored together.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, cannot be loaded, or asked of this model;
            something else is at ``out``.
        StorageError: the disk refuses.
    """
    asked = ProtectionQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    lesson = None if examples is None else _limited([examples])[0]
    chosen = _limited(tasks)
    return protection(loaded, chosen, Path(out), asked, lesson=lesson, engine=engine, watch=watch, say=say)


def draw(
    certificate: str | Path,
    adapter: str | Path | None = None,
    *,
    out: str | Path,
    count: int = DrawQuestion.count,
    seed: int | None = None,
    model: str | None = None,
    subspace: str | None = None,
    device: str = "auto",
    say: Say = silent,
) -> DrawnAdapters:
    """Draw adapters of the smoothed model that a certificate speaks of, for any server that takes LoRA adapters.

    Args:
        certificate: a ``certificate-….json``, its outcomes file beside it; it is verified first.
        adapter: a fine-tune in its subspace; None: the model itself.
        out: the folder that is made.
        count: how many adapters.
        seed: of the first; None: each from the operating system, and told.
        model: where the certificate's model lies; None: the name it had. Another one is refused.
        subspace: where its subspace lies, if no law makes it. It is compared.
        device: where it is loaded.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError: a certificate, model or adapter that cannot be read or does not fit.
        StorageError: the disk refuses.
    """
    DrawQuestion.of(locals())
    found = verify(Path(certificate)).certificate
    say(f"Loading {model or found.evidence.model.name} …")
    served = smoothed(model, found, adapter, subspace=subspace, device=device, say=say)
    return draw_adapters(served, count, out, seed)


def project(
    adapter: str | Path,
    *,
    out: str | Path,
    certificate: str | Path | None = None,
    radius: float | None = None,
    model: str | None = None,
    subspace: str | None = None,
    device: str = "auto",
    say: Say = silent,
) -> PulledBack:
    """Pull an adapter back into a certified radius: its displacement is scaled until what is written lies inside.

    Args:
        adapter: a folder that PEFT wrote.
        out: the folder that is made.
        certificate: of its subspace: into its radius. None: into ``radius``, as the norm of B, without a model.
        radius: L2 distance; None: the certificate's own.
        model, subspace, device, say: as of :func:`draw`.

    Raises:
        InputError, ModelError: no radius; a certificate, model or adapter that cannot be read or does not fit.
        StorageError: the disk refuses.
    """
    PullBackQuestion.of(locals())
    if certificate is None:
        if radius is None:
            raise InputError("corrie project", found="no radius", advice="--certificate FILE, or --radius R")
        return pull_back_alone(adapter, out, radius)
    found = verify(Path(certificate)).certificate
    say(f"Loading {model or found.evidence.model.name} …")
    return pull_back(smoothed(model, found, adapter, subspace=subspace, device=device, say=say), adapter, out, radius)


@_leaves_a_run
def generalise(
    model: Model | str | Path,
    tuned: str | Path | Stand,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    subspace: str | Space,
    sigma: float,
    draws: int = GeneralisationQuestion.draws,
    confidence: float = GeneralisationQuestion.confidence,
    choices: int = GeneralisationQuestion.choices,
    exact: bool = GeneralisationQuestion.exact,
    rows: int = GeneralisationQuestion.rows,
    to: str | Path | None = None,
    block: int = GeneralisationQuestion.block,
    engine: str = "serial",
    watch: Watch | None = None,
    say: Say = silent,
) -> Generalisation:
    """State how a fine-tuned model, smoothed, scores on examples that nobody has seen (PAC-Bayes).

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tuned: the fine-tune, in the subspace; it may have been trained on the very examples.
        tasks: a task (its first 100 examples), or one with a limit, ``(task, 40)``. The examples must be independent
            draws from the population that the statement is about.
        subspace: as of :func:`certify`; fixed without these examples.
        sigma: noise per coordinate; likewise.
        draws: noise draws around the fine-tune. The limit holds at every number of them, so the same call with more
            goes on.
        confidence: over examples and draws, with which the statements about all tasks hold together.
        choices: how many such statements (fine-tune, subspace and σ) were open to choice.
        exact: put noise and fine-tune on a lattice, so that sums are exact (not for ``full:rms``).
        rows: draws run as one batch, where the subspace allows it.
        to: a run folder; the statement is put there. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model; the
            fine-tune is outside of the subspace.
        RunError: the run folder belongs to another model.
        StorageError: the disk refuses.
    """
    terms = GeneralisationQuestion.of(locals()).terms("subspace", "exact")
    loaded = model if isinstance(model, Model) else load(model)
    lattice = fine_lattice(sigma) if exact and subspace != "full:rms" else None
    space = _space(loaded, subspace, lattice, say)
    place = tuned if isinstance(tuned, Stand) else stand(loaded, space, str(tuned), lattice=lattice, say=say)
    prepared = GeneralisationScan.of(loaded, _limited(tasks), space, place, lattice=lattice, **terms)
    say(f"{place}, in {space.spec}: {dimension(space):,} coordinates, σ = {sigma:g}, {draws} draws.")
    return prepared.answer(to, engine=engine, watch=watch)


@_leaves_a_run
def plane(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    directions: tuple[Direction, Direction],
    *,
    alpha: str | AlphaGrid,
    beta: str | AlphaGrid | None = None,
    to: str | Path | None = None,
    block: int = PlaneQuestion.block,
    engine: str = "serial",
    retention: float = PlaneQuestion.retention,
    budget: float | None = None,
    shard: str | None = None,
    watch: Watch | None = None,
    say: Say = silent,
) -> Plane:
    """Score a model's capabilities all over the plane θ0 + α δ1 + β δ2 of two directions.

    Two random directions show a basin from above, a random one across a tuned one the way of a fine-tune through it.
    ``(toward(base, "A/"), toward(base, "B/"))`` is the plane through three checkpoints: the base at (0, 0), A at
    (1, 0), B at (0, 1).

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        tasks: what is scored, as for :func:`corrie.scan`.
        directions: δ1 and δ2, of any kinds.
        alpha: step sizes along the first, ``"LO:HI:N"``.
        beta: along the second; by default as far as ``alpha`` goes (:func:`corrie.scanning.plane_axes.as_far`).
        to: a run folder; the same call continues it. None keeps the run in memory.
        block: examples scored together; part of a run's identity.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        retention: share ρ of the score above chance that counts as kept.
        budget: seconds after which no further cell is begun.
        shard: one job of an array, ``"0/4"``: its share of the points alone, in a folder of its own in ``to``
            (:func:`merge`).
        watch: who is notified of the progress.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model.
        RunError: the run folder belongs to another scan.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> from corrie.records.direction import gaussian
    >>> found = plane(toy_model(), [(toy_choice(), 10)], gaussian(2), alpha="-0.1:0.1:3")
    >>> found.score("toy").shape
    (3, 3)
    """
    question = PlaneQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    prepared = Scan.across(question, loaded, _limited(tasks), directions)
    say(f"To score: {prepared.spec.size}.")
    return prepared.answer(to, engine=engine, budget=budget, watch=watch)


def worst(
    model: Model | str | Path,
    task: Task | tuple[Task, int],
    *,
    distance: float,
    out: str | Path,
    method: str = SearchQuestion.method,
    steps: int | None = None,
    restarts: int = SearchQuestion.restarts,
    seed: int = SearchQuestion.seed,
    on_look: OnLook | None = None,
) -> FoundDirection:
    """Search the direction along which a task's loss rises most at a distance, and keep it in a file.

    From then on it is a direction like any other: :func:`corrie.saved`, ``--direction saved:FILE``. It has norm √d, so
    along it α is the σ of random noise that moves the weights as far.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes. float32: gradients are its precision.
        task: whose loss is climbed, on its own first examples (100, or as many as ``(task, 20)`` says): a task
            scored by likelihood, choice or text.
        distance: L2, over the tensors that move.
        out: a .safetensors file. If the same search has ended there already, it is read.
        method: ``ascent`` (projected gradient ascent), ``gradient`` (its first step) or ``hessian`` (the top
            eigenvector of the Hessian, by finite differences of gradients).
        steps: of each climb (20), or at most so many Hessian products (50).
        restarts: further climbs, from random points at that distance.
        seed: of the first random start.
        on_look: is notified of every look at the loss.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> file = Path(tempfile.mkdtemp()) / "worst.safetensors"
    >>> found = worst(toy_model(), (toy_choice(), 5), distance=1.0, out=file, steps=3)
    >>> found.after > found.before
    True
    """
    asked = SearchQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    ((chosen, limit),) = _limited([task])
    return Search.of(loaded, chosen, limit, **asked.terms()).run(Path(out), on_look)


@_leaves_a_run
def certify_inputs(
    model: Model | str | Path,
    task: Task | tuple[Task, int],
    *,
    kernel: str = InputQuestion.kernel,
    draws: int = InputQuestion.draws,
    selection: int = InputQuestion.selection,
    confidence: float = InputQuestion.confidence,
    change: float | None = None,
    mask: str | None = None,
    to: str | Path | None = None,
    block: int = InputQuestion.block,
    engine: str = "serial",
    watch: Watch | None = None,
) -> InputCertificate:
    """Certify the score of a model that reads its prompts through noise, whatever is done to so much of each prompt.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes.
        task: scored right or wrong, with one prompt for each example: a task (its first 20 examples), or one with a
            limit, ``(task, 40)``.
        kernel: ``"absorbing:P"``, ``"uniform:P"`` (tokens may be replaced) or ``"embedding:SIGMA"`` (their vectors may
            be moved).
        draws: noise draws that certify.
        selection: noise draws that only sort the examples into groups.
        confidence: of the statement, over the draws.
        change: where it is judged: replaced tokens of each prompt (default 1), or L2 norm over each prompt (default σ).
        mask: the token that masks, its id or a text of one token (default: the tokenizer's own special one).
        to: a run folder; the same call continues it. None keeps the draws in memory.
        block: examples scored together; part of a run's identity.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model.
        RunError: the run folder belongs to another model, or another process writes to it.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> certify_inputs(toy_model(), (toy_choice(), 4), kernel="embedding:0.05", draws=20).verdict
    'informative'
    """
    question = InputQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    ((asked, limit),) = _limited([task], INPUT_EXAMPLES)
    trial = InputTrial.of(loaded, asked, limit, question.noise, **question.terms("kernel", "change"))
    return trial.answer(to, engine=engine, change=change, watch=watch)


@_leaves_a_run
def diff(
    base: Model | str | Path,
    tuned: str | Path,
    landscape: Landscape | str | Path | None = None,
    *,
    tasks: Sequence[Task | tuple[Task, int]] | None = None,
    alpha: str | AlphaGrid = DiffQuestion.alpha,
    directions: int = DiffQuestion.directions,
    worst: str | Path | None = None,
    certificates: Sequence[str | Path] = (),
    subspaces: Sequence[str] = (),
    tolerance: float = DiffQuestion.tolerance,
    confidence: float = DiffQuestion.confidence,
    to: str | Path | None = None,
    block: int = DiffQuestion.block,
    engine: str = "serial",
    follow: int = DEFAULT_LIMIT,
    quick: bool = DiffQuestion.quick,
    watch: Watch | None = None,
    on_look: OnLook | None = None,
) -> FineTuneDiff:
    """What a fine-tune did: which capabilities it kept and lost, where on the way, and whether it left the basin.

    Args:
        base: a loaded model, or what :func:`corrie.load` takes.
        tuned: a checkpoint, an adapter's folder, or a path such as ``"quantised:int4"``.
        landscape: a run of the base along raw random directions, or its landscape. None: one is made, in the same run.
        tasks: what is compared, each with the most examples its verdict may take, or all of them; by default those of
            the landscape. Blocks are scored until each task is decided.
        alpha: steps along the path, ``"LO:HI:N"`` with 1 among them.
        directions: how many random directions the landscape that is made takes; 0: none is made.
        worst: ``"search"``: each task's own is searched for and kept in the run folder (float32); or a file with one
            saved worst-case direction of this base (:func:`worst`) for all tasks.
        certificates: files of :func:`certify` that are of this base; those in the run folder are found by themselves.
        subspaces: where the subspace of a certificate may lie that no law makes, as ``certify`` takes it.
        tolerance: share of the score above chance that may be lost, in [0, 1).
        confidence: 1 − the probability that any task is wrongly called lost, and that any is wrongly called kept; above
            0.5.
        to: a run folder; the same call continues it, and other fine-tunes of the base share it. None: in memory.
        block: examples scored together; part of a run's identity.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        follow: examples of each task along the path and in the landscape, at most.
        quick: verdicts alone: neither path nor landscape is scored.
        watch: who is notified of the progress.
        on_look: is notified of every look of a search for a worst-case direction.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model.
        ModelError: a certificate of another model.
        ClaimError: a certificate that does not hold.
        RunError: the run folder or the landscape is of another model.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import save_toy, toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> other = save_toy(Path(tempfile.mkdtemp()) / "tuned", seed=1)
    >>> diff(toy_model(), other, tasks=[(toy_choice(), 40)], alpha="1", directions=0).lost
    ('toy',)
    """
    terms = DiffQuestion.of(locals()).terms("alpha", "worst")
    loaded = base if isinstance(base, Model) else load(base)
    around = Landscape.open(landscape, "none") if isinstance(landscape, str | Path) else landscape
    asked = _measured(around) if tasks is None else tasks
    compared = [t if isinstance(t, tuple) else (t, t.identity.size) for t in asked]
    prepared = FineTuneScan.of(
        loaded,
        tuned_direction(loaded, tuned),
        compared,
        alpha=steps_to(alpha),
        landscape=around,
        worst=_worst_asked(loaded, worst, to),
        follow=follow,
        certificates=certificates_at_hand(certificates, to, [task.identity.id for task, _ in compared]),
        subspaces=subspaces,
        **terms,
    )
    return prepared.answer(to, engine=engine, watch=watch, on_look=on_look)


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


def merge(*runs: str | Path, to: str | Path | None = None) -> Merged:
    """Make one run of several: of shards, or of what was scored on several machines.

    Args:
        runs: run folders of one model, precision and block size; a folder with shards in it stands for these.
        to: the run folder that is made or extended. None, with a single folder: that one.

    Raises:
        InputError: nothing to merge, or no target.
        RunError: no run at one of these places, or runs that do not belong together; nothing is written then.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> from corrie.records.direction import gaussian
    >>> run = Path(tempfile.mkdtemp()) / "run"
    >>> for shard in ("0/2", "1/2"):
    ...     terms = {"alpha": "0:0.2:3", "to": run, "shard": shard}
    ...     _ = scan(toy_model(), [(toy_choice(), 10)], directions=gaussian(2), **terms)
    >>> merge(run).cells
    5
    """
    merged = merge_runs(runs, to)
    keep_reading(merged.to)
    return merged


@_leaves_a_run
def retract(
    base: Model | str | Path,
    tuned: str | Path,
    tasks: Sequence[Task | tuple[Task, int]],
    *,
    out: str | Path | None = None,
    skills: Sequence[Task | tuple[Task, int]] = (),
    tolerance: float = RetractionQuestion.tolerance,
    confidence: float = RetractionQuestion.confidence,
    to: str | Path | None = None,
    block: int = RetractionQuestion.block,
    engine: str = "serial",
    watch: Watch | None = None,
) -> Retraction:
    """Pull a fine-tune back along its path until every named capability is kept, and write it.

    Args:
        base: a loaded model, or what :func:`corrie.load` takes.
        tuned: a checkpoint, an adapter's folder, or another path, as of :func:`diff`.
        tasks: what must be kept, each with a limit or its first 100 examples; the next ones confirm.
        out: a new folder for the retracted checkpoint or adapter, or the one that the same question has filled. None,
            or where α is 0: nothing is written.
        skills: what the fine-tune was for: scored at the base, at the fine-tune and where the search ends.
        tolerance: share of the score above chance that may be lost, in [0, 1).
        confidence: 1 − the error of each test on fresh examples; above 0.5.
        to: a run folder (a diff's is a good one). None: in memory.
        block: examples scored together; part of a run's identity.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model; the
            base does not have a capability.
        RunError: the run folder is of another model.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import save_toy, toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> other = save_toy(Path(tempfile.mkdtemp()) / "tuned", seed=1)
    >>> 0 < retract(toy_model(), other, [(toy_choice(), 20)], tolerance=0.3).alpha < 0.5
    True
    """
    terms = RetractionQuestion.of(locals()).terms()
    if out is not None and asked_of(Path(out)) is None:
        refuse_full(Path(out))
    loaded = base if isinstance(base, Model) else load(base)
    direction = tuned_direction(loaded, tuned)
    prepared = RetractionScan.of(loaded, direction, _limited(tasks), skills=_limited(skills), **terms)
    asked = prepared.question(engine)
    if out is not None:
        check_beside(loaded, direction)
        if asked_of(Path(out)) != asked:
            refuse_full(Path(out))
    found = prepared.answer(to, engine=engine, watch=watch)
    if out is not None and found.alpha:
        found = found.model_copy(update={"written": str(write_at(loaded, direction, found.alpha, Path(out), asked))})
    if to is not None:
        found.keep(to)
    return found


def widen(
    model: Model | str | Path,
    tasks: Sequence[Task | tuple[Task, int]] = (),
    *,
    out: str | Path,
    text: Sequence[Text] = (),
    labelled: Sequence[Task | tuple[Task, int]] = (),
    teacher: Model | str | Path | None = None,
    factor: float = WideningQuestion.factor,
    sigma: float | None = WideningQuestion.sigma,
    budget: float | None = WideningQuestion.budget,
    steps: int | None = WideningQuestion.steps,
    balance: bool = WideningQuestion.balance,
    rate: float = WideningQuestion.rate,
    windows: int = WideningQuestion.windows,
    window: int = WideningQuestion.window,
    pairs: int = WideningQuestion.pairs,
    anchor: float = WideningQuestion.anchor,
    mix: float = WideningQuestion.mix,
    written: int = WideningQuestion.written,
    tensors: str = WideningQuestion.tensors,
    lora: int | None = WideningQuestion.lora,
    measure: bool = WideningQuestion.measure,
    most: int | None = WideningQuestion.most,
    retention: float = WideningQuestion.retention,
    seed: int = WideningQuestion.seed,
    log: Sequence[str] = (),
    engine: str = "serial",
    watch: Watch | None = None,
    say: Say = silent,
) -> Widening:
    """Make a model that does the same and stands more: a short run of GO in which it is its own teacher.

    The loss is E KL(p_θ0 ‖ p_θ+ε) a token over Gaussian ε, by antithetic pairs. Nothing but robustness is learned: at
    θ0 without noise the loss is 0. It is measured before and after along the same directions.

    Args:
        model: a loaded model in float32, or what :func:`corrie.load` takes. It is not changed.
        tasks: whose radii and scores are measured beside agreement: a task (its first 100 examples), or one with a
            limit, ``(task, 40)``.
        out: the folder to make: a checkpoint. Until it is whole, the work lies beside it; the same call goes on.
        text: what is read: files, folders or tasks. Empty: what the model writes itself.
        labelled: examples that are learned beside, the answers given the prompts: a task (all of its examples), or one
            with a limit.
        teacher: what the widened model is to say the same as, if not as the model itself: the base, where ``model`` was
            widened from it before.
        factor: how many times the present radius of agreement the noise is as large as.
        sigma: noise per coordinate, in place of what ``factor`` chooses.
        budget: seconds for all of it; by default 1,200.
        steps: of the optimizer, in place of a budget; 0: only ``balance``.
        balance: first move factors between the weights: the function stays as it is, and noise on each of them costs
            alike (:mod:`corrie.widening.balance`).
        rate: largest learning rate.
        windows, window: windows of text a step, and tokens of one.
        pairs: pairs of opposite noise a step.
        anchor: weight of the loss without noise.
        mix: weight of the labelled examples' loss; 0: they are left out.
        written: windows that the model writes itself where there is no text.
        tensors: what is trained: shell patterns, joined by ``+``.
        lora: rank of adapters that are trained in the weights' place; they are merged, and lie in ``out/adapter`` too.
        measure: whether radii and scores are measured.
        most: outcomes of a task at most, each time.
        retention: share of the score above chance that counts as kept.
        seed: of noise, order and own writing.
        log: who is notified of every step's loss, σ, rate and tokens, as a Trainer's ``report_to`` names them:
            ``"tensorboard"``, ``"wandb"``. Files lie in ``out/log``.
        engine: who scores, by name (:mod:`corrie.scanning.executors`).
        watch: who is notified of the progress of measuring.
        say: is notified in words of what is done.

    Raises:
        InputError, ModelError, TaskError: something asked for is not valid, not found, or not for this model;
            something else is at ``out``; no text, or a budget too small for a step.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.toy_models import toy_model
    >>> out = Path(tempfile.mkdtemp()) / "wide"
    >>> found = widen(toy_model(), out=out, sigma=0.05, steps=2, written=4, measure=False)
    >>> found.spent.steps, found.distance > 0, (out / "model.safetensors").is_file()
    (2, True, True)
    """
    question = WideningQuestion.of(locals())
    loaded = model if isinstance(model, Model) else load(model)
    examples = _limited(labelled, sys.maxsize)
    taught = teacher if teacher is None or isinstance(teacher, Model) else load(teacher)
    how: dict[str, Any] = {"teacher": taught, "log": log, "engine": engine, "watch": watch, "say": say}
    return Making.of(loaded, question, text, _limited(tasks), examples, **how).make(Path(out))


def report(
    runs: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    figure: str | Path | None = None,
    retention: float | None = None,
    confidence: float = 0.95,
    show_sensitive: bool = False,
    together: bool = False,
) -> tuple[Path, ...]:
    """Draw runs: one HTML file that opens from disk without a network, a figure for a paper, or both.

    Args:
        runs: run folders; several stand one after the other.
        out: the HTML file.
        figure: a .pdf, .png or .svg file.
        retention: share of the score above chance that counts as kept (default: what the scan asked for).
        confidence: of the intervals.
        show_sensitive: include the model's answers to harmful requests.
        together: one figure in which the curves of all runs, along random and other directions, share an axis.

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
    if figure is not None and together:
        from corrie.analysis.together import Together
        from corrie.reporting.together_figure import save_together

        made.append(save_together(Together.open(runs, retention), figure))
    elif figure is not None:
        from corrie.reporting.run_figure import save_run_figure

        made += [
            save_run_figure(run, file, retention=retention, confidence=confidence)
            for run, file in zip(runs, _one_file_each(Path(figure), len(runs)), strict=True)
        ]
    return tuple(made)


def _one_file_each(figure: Path, count: int) -> list[Path]:
    """``figure.pdf`` for one run; ``figure-1.pdf``, ``figure-2.pdf``, … for several."""
    if count == 1:
        return [figure]
    return [figure.with_name(f"{figure.stem}-{number}{figure.suffix}") for number in range(1, count + 1)]


def _space(model: Model, subspace: str | Space, lattice: int | None, say: Say) -> Space:
    """A subspace by its name, or itself."""
    if not isinstance(subspace, str):
        return subspace
    return find_subspace(model, parse_subspace(subspace), lattice=lattice, say=say)


def _limited(tasks: Sequence[Task | tuple[Task, int]], usual: int = DEFAULT_LIMIT) -> list[tuple[Task, int]]:
    """Every task with its number of examples."""
    return [t if isinstance(t, tuple) else (t, min(usual, t.identity.size)) for t in tasks]


def _worst_asked(model: Model, worst: str | Path | None, to: str | Path | None) -> Saved | WorstSearch | None:
    """The worst-case direction of a file, a search for each task's own, or none."""
    if worst == "search":
        return WorstSearch.within(to, model)
    return None if worst is None else saved(model, worst)


def _measured(landscape: Landscape | None) -> list[tuple[Task, int]]:
    """A landscape's tasks, with as many examples as it has."""
    if landscape is None:
        raise InputError("a diff", found="neither tasks nor a landscape", advice='tasks=corrie.tasks("knowledge")')
    found = same_tasks(landscape.tasks)
    return [(task, landscape.block(task.identity.name).examples.size) for task in found]
