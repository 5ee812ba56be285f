"""vLLM writes the answers of a scan (``--engine vllm``), and the model itself reads what is read.

Tasks that are written alone: the model stays where it is and is the pristine copy, from which each point is laid down
into vLLM's copy, tensor by tensor. Are some tasks read: the model moves too (with a pristine copy of its own), and
vLLM's copy gets the weights that it has at the point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from corrie.capabilities.task import Task
from corrie.capabilities.written_together import writes
from corrie.errors import InputError
from corrie.models.footprint import in_bytes
from corrie.models.model import Model
from corrie.models.vllm.copy import VllmCopy, copy_of, drop_copy, has_copy
from corrie.models.vllm.reader import VllmReader
from corrie.models.vllm.room import beside_the_model, copy_bytes, needed_bytes
from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.scanning.crowd import Takes
from corrie.scanning.executor import Arrived
from corrie.scanning.scored import Inside
from corrie.scanning.work import Work
from corrie.weights.available import available_memory
from corrie.weights.claims import Claim
from corrie.weights.perturbed import Moving, moving
from corrie.weights.selection import tied_names
from corrie.weights.streamed import Streamed


class VllmExecutor:
    """One point after the other (:class:`corrie.scanning.executor.Executor` has the law)."""

    def __init__(self, model: Model, tasks: Mapping[str, Task], block: int) -> None:
        self._model = model
        self._tasks = tasks
        self._block = block
        self._mixed = not _written_alone(tasks)
        self._stack = ExitStack()
        self._copy: VllmCopy | None = None
        self._weights: Moving | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._copy = copy_of(self._model, self._mixed)
            selection = self._model.selection
            if self._mixed:
                self._weights = stack.enter_context(moving(selection, self._model.sources, self._model.draw))
            else:
                claim = Claim(selection.tensors.values())
                stack.callback(claim.release)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        copy, self._copy, self._weights = self._copy, None, None
        sound = False
        try:
            self._stack.__exit__(kind, error, trace)  # first the model's own weights: from them the copy is put back
            sound = copy is not None and _put_back(copy, kind)
        finally:
            if not sound:
                drop_copy(self._model)

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        """See the law of :class:`corrie.scanning.executor.Executor`."""
        if self._copy is None:
            raise RuntimeError("VllmExecutor.run outside of its with block")
        for piece in work:
            yield Arrived(piece.point, self._to(self._copy, piece.point))
            reader = VllmReader(self._model, self._copy, moved=self._mixed)
            for task, block in piece.blocks:
                start = block * self._block
                outcomes = self._tasks[task].score(reader, start, start + self._block)
                yield Cell(point=piece.point.id, task=task, block=block, outcomes=outcomes)

    def _to(self, copy: VllmCopy, point: Point) -> Realised:
        """Both copies to a point, or vLLM's alone."""
        selection = self._model.selection
        if self._weights is None:
            stream = Streamed(point, {n: p.data for n, p in selection.tensors.items()}, self._model.sources)
            copy.lay(stream)
            return stream.realised
        realised = self._weights.to(point)
        parted = sorted(set(self._model.sources.layout.tied) - set(tied_names(self._model.module)))
        if parted:
            raise InputError(
                f"the point {point}",
                found=f"it moves {parted[0]} away from the tensor that it is tied to, and vLLM holds both as one",
                advice="--engine serial",
            )
        copy.lay((n, p.data) for n, p in selection.tensors.items())
        return realised


def _put_back(copy: VllmCopy, kind: type[BaseException] | None) -> bool:
    """Whether a copy is back at the unmoved weights, and fit to be taken up again.

    Args:
        kind: of the error that is on its way; it is not replaced by another.

    Raises:
        RestoreError: the weights are not back, and nothing else went wrong.
    """
    if kind is not None and not issubclass(kind, Exception):
        return False  # it may have been stopped in the midst of a layer
    try:
        copy.home()
        copy.verify()
    except Exception:  # of loaders that were left in the midst of a layer, anything
        if kind is None:
            raise
        return False
    return True


def refuse_inside(inside: Inside) -> None:
    """Refuse points that are no weights of the model.

    Raises:
        InputError: they lie elsewhere.
    """
    if inside != "the weights":
        raise InputError(
            "engine vllm",
            found=f"the points of this question lie in {inside}, and vLLM's copy is moved by whole weights",
            advice="--engine serial, or --engine ray",
        )


def refuse_without_room(model: Model, tasks: Mapping[str, Task]) -> None:
    """Refuse what does not fit beside the model.

    Raises:
        InputError: a second copy, its keys and values, and for tasks that are read a pristine copy, do not.
    """
    mixed = not _written_alone(tasks)
    there, needed = available_memory(model.devices[0]), _needed(model, mixed)
    if there is None or needed <= there:
        return
    read = sorted(task.identity.name for task in tasks.values() if not writes(task))
    alone = mixed and needed_bytes(model, mixed=False) <= there
    why = f", of which a pristine copy for what is read ({', '.join(read)})" if mixed else ""
    raise InputError(
        f"engine vllm for {model.identity.name}",
        found=f"its copy, keys and values take {needed / 1e9:.1f} GB{why}, and {there / 1e9:.1f} GB are available",
        advice="--engine serial for what is read, and vllm for written tasks alone" if alone else "--engine serial",
    )


def memory_of_vllm(model: Model, tasks: Mapping[str, Task]) -> str:
    """What is stated before the copy is made."""
    there, taken = available_memory(model.devices[0]), taken_by_vllm(model, tasks)
    parts = {} if has_copy(model) else dict(taken.beside)
    if taken.moves:
        parts["pristine copy"] = copy_bytes(model)
    words = ", ".join(f"{what} {in_bytes(size)}" for what, size in parts.items()) or "no more than there is"
    known = "" if there is None else f"; {in_bytes(there)} are available"
    return f"Memory of vLLM beside the model: about {in_bytes(sum(parts.values()))} on {model.device} ({words}{known})."


def taken_by_vllm(model: Model, tasks: Mapping[str, Task]) -> Takes:
    """What the engine takes in a process of its own."""
    return Takes(moves=not _written_alone(tasks), beside=beside_the_model(model))


def _needed(model: Model, mixed: bool) -> int:
    """Bytes that are still to be taken."""
    return mixed * copy_bytes(model) if has_copy(model) else needed_bytes(model, mixed)


def _written_alone(tasks: Mapping[str, Task]) -> bool:
    return all(writes(task) for task in tasks.values())
