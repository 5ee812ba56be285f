"""The refusals that every store shares: what may not be mixed in one run, and what may never change.

See the law in :mod:`corrie.records.store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from corrie.errors import RunError
from corrie.records.cell import Cell
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import TaskRequest
from corrie.records.store import ClaimSpec, Realised, RunIdentity
from corrie.records.subspace import SubspaceNoise
from corrie.records.task import ExampleCard, TaskIdentity


def refuse_other_identity(run: str, kept: RunIdentity, asked: RunIdentity) -> None:
    """Two scans may share a run only if everything that can change a score is equal.

    The model's name says where it lay, its norm is a sum whose last digits depend on the machine, and its notes are
    words: none of them is compared. Nor are batch and slots: the run's own rule holds for whoever continues it. A run
    of before the model's function was recorded goes on with any, and belongs to that one from then on
    (:func:`completed`).

    Raises:
        RunError: they differ; the message names every field that does, with both values.
    """
    differing = [
        f"{name} is {ours} there and {theirs} here"
        for name, ours, theirs in zip(
            (
                "the model's architecture",
                "the model's fingerprint",
                "the model's function (the settings of its configuration)",
                "the tokenizer's fingerprint",
                "precision",
                "the number of parameters",
                "the selection of tensors",
                "the dimension",
                "the block size",
                "the noise law",
                "the format",
                "the engine",
            ),
            _facts(kept, asked),
            _facts(asked, kept),
            strict=True,
        )
        if ours != theirs
    ]
    if differing:
        raise RunError(
            f"run {run}",
            found="it belongs to another scan: " + "; ".join(differing),
            advice="another folder, or the same model, precision, engine and options as before",
        )


def completed(kept: RunIdentity, asked: RunIdentity) -> RunIdentity | None:
    """What a run has to be called from now on, if it was made before the model's function was recorded."""
    if kept.model.function or not asked.model.function:
        return None
    return kept.model_copy(update={"model": kept.model.model_copy(update={"function": asked.model.function})})


def _facts(identity: RunIdentity, other: RunIdentity) -> tuple[str, ...]:
    model = identity.model
    selection = " ".join(model.selection.include)
    if model.selection.exclude:
        selection += " without " + " ".join(model.selection.exclude)
    return (
        model.architecture,
        model.fingerprint[:16],
        "" if model.is_the_function_of(other.model) else model.function[:16],
        model.tokenizer[:16],
        model.dtype,
        str(model.parameters),
        selection,
        str(model.dimension),
        str(identity.block),
        ", ".join(identity.laws),
        str(identity.format),
        identity.engine or "corrie's own",
    )


def refuse_other_task(run: str, kept: TaskIdentity, asked: TaskIdentity) -> None:
    """A task's name means the same data, scored the same way, for as long as the run lives.

    Where the data lie (``source``) may change: their content is what counts.

    Raises:
        RunError: the task of this name has other content; the message names every field that differs.
    """
    ours, theirs = kept.model_dump(exclude={"source"}), asked.model_dump(exclude={"source"})
    differing = [f"{name} is {ours[name]} there and {theirs[name]} here" for name in ours if ours[name] != theirs[name]]
    if differing:
        raise RunError(
            f"task {asked.name!r} in run {run}",
            found="its data or its scoring have changed: " + "; ".join(differing),
            advice="another folder, or the task as it was",
        )


def refuse_other_cards(run: str, task: str, kept: Sequence[ExampleCard], asked: Sequence[ExampleCard]) -> None:
    """The examples of a task keep their order.

    Raises:
        RunError: an example stands where another stood.
    """
    for position, (ours, theirs) in enumerate(zip(kept, asked, strict=False)):
        if ours.id != theirs.id:
            raise RunError(
                f"task {task!r} in run {run}",
                found=f"example {position} is {ours.id!r} there and {theirs.id!r} here",
                advice="another folder, or the task as it was",
            )


def refuse_other_outcomes(run: str, kept: Cell, asked: Cell) -> None:
    """An acknowledged cell never changes.

    Raises:
        RunError: the same key with other outcomes.
    """
    if kept.outcomes == asked.outcomes:
        return
    examples = [o.id for o, p in zip(kept.outcomes, asked.outcomes, strict=False) if o != p]
    found = f"examples {', '.join(examples[:3])} came out differently" if examples else "another number of examples"
    raise RunError(
        f"cell {asked.task} block {asked.block} at point {asked.point} in run {run}",
        found=f"it is there already and {found}",
        advice="another folder: an acknowledged cell never changes",
    )


def refuse_other_design(run: str, kept: Iterable[ClaimSpec], asked: ClaimSpec) -> None:
    """A question has one design, fixed before its first draw, and a direction belongs to one claim.

    Raises:
        RunError: this run has another design for the same question, or another claim may come to use the same seeds.
    """
    for claim in kept:
        if claim.question == asked.question:
            raise RunError(
                f"{asked} in run {run}",
                found=f"for this question the run has fixed another design before its first draw ({claim}); "
                "a design chosen after draws were seen has no confidence",
                advice="the design as it was fixed, or a new run folder and fresh directions: a second attempt, whose "
                "error adds to the first one's",
            )
        if claim.space_of_draws == asked.space_of_draws and _overlap(claim.seeds, asked.seeds):
            raise RunError(
                f"{asked} in run {run}",
                found=f"these directions belong to another claim ({claim})",
                advice=f"--seeds {claim.seeds.stop}, or no --seeds at all",
            )


def refuse_seen_directions(run: str, points: Iterable[Point], asked: ClaimSpec) -> None:
    """A claim is judged on directions that nobody has looked at when it is made.

    Raises:
        RunError: the run has been at a point along one of them.
    """
    along = (s.direction for p in points for s in p.steps)
    seen = {d.seed for d in along if isinstance(d, Gaussian | SubspaceNoise) and asked.draws_along(d)}
    if seen:
        raise RunError(
            f"{asked} in run {run}",
            found=f"the run has looked along its directions already (seed {min(seen)}); a claim made after that has no "
            "confidence",
            advice=f"--seeds {max(seen) + 1}, or no --seeds at all",
        )


def _overlap(a: range, b: range) -> bool:
    return max(a.start, b.start) < min(a.stop, b.stop)


def task_of(tasks: Iterable[TaskIdentity], request: TaskRequest) -> TaskIdentity:
    """The task of a request, which a run that was asked it has registered.

    Raises:
        RunError: it is not there, or has fewer examples.
    """
    found = next((task for task in tasks if task.id == request.task), None)
    if found is None or request.limit > found.size:
        raise RunError(
            f"task {request.task!r} of a run",
            found="it is not registered" if found is None else f"{request.limit:,} of its {found.size:,} examples",
            advice="an undamaged copy of the run",
        )
    return found


def realised_at(points: Mapping[str, tuple[Point, Realised]], id: str) -> tuple[Point, Realised]:
    """A point at which a run has cells, and what the weights made of it.

    Raises:
        RunError: the run does not say where these cells lie.
    """
    if id not in points:
        raise RunError(
            f"cells at point {id}", found="the run does not say which point it is", advice="an undamaged copy"
        )
    return points[id]


def unknown_task(run: str, task: str) -> RunError:
    """The error for a cell whose task was never registered."""
    return RunError(f"a cell of task {task!r} in run {run}", found="no such task is registered", advice="register_task")


def unwritable_outcome(cell: Cell) -> RunError:
    """The error for a cell that holds NaN or infinity."""
    bad = [o.id for o in cell.outcomes for x in (o.success, o.loss) if x is not None and not abs(x) < float("inf")]
    return RunError(
        f"cell {cell.task} block {cell.block} at point {cell.point}",
        found=f"example {', '.join(bad[:3])} holds a number that is not finite",
        advice="a task that scores it 0 and gives no loss",
    )
