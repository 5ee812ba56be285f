"""Who scores noised prompts: the weights stay where they are, the reader's noise changes from draw to draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.inputs.noised_reader import NoisedReader
from corrie.inputs.prompts import Prompts
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.input_draw import InputDraw
from corrie.records.input_draws import UNMOVED, unasked
from corrie.records.input_spec import InputSpec
from corrie.records.point import Point
from corrie.scanning.executor import Arrived
from corrie.scanning.work import Work


class InputExecutor:
    """Draws of one spec, one after the other (:class:`corrie.scanning.executor.Executor` has the law).

    There is one reader for all draws, so what all prompts begin with is computed once. Examples of a block beyond the
    spec's have no prompt in it, and come out unscored.
    """

    def __init__(self, model: Model, tasks: Mapping[str, Task], block: int, prompts: Prompts, spec: InputSpec) -> None:
        self._model = model
        self._tasks = tasks
        self._block = block
        self._prompts = prompts
        self._spec = spec
        self._reader: NoisedReader | None = None

    def __enter__(self) -> Self:
        self._reader = NoisedReader(self._model, self._prompts, self._spec)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader = None

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        """See the law of :class:`corrie.scanning.executor.Executor`."""
        if self._reader is None:
            raise RuntimeError("InputExecutor.run outside of its with block")
        for piece in work:
            draw = self._draw(piece.point)
            self._reader.draw = None if draw.part == "clean" else draw.draw
            yield Arrived(piece.point, UNMOVED)
            for name, block in piece.blocks:
                task, start = self._tasks[name], block * self._block
                last = min(start + self._block, task.identity.size)
                stop = min(last, self._spec.task.limit)
                scored = task.score(self._reader, start, stop)
                rest = unasked(task.card(i).id for i in range(stop, last))
                yield Cell(point=piece.point.id, task=name, block=block, outcomes=(*scored, *rest))

    def _draw(self, point: Point) -> InputDraw:
        """The draw that a point is."""
        directions = [step.direction for step in point.steps]
        if len(directions) == 1 and isinstance(directions[0], InputDraw) and directions[0].spec == self._spec.id:
            return directions[0]
        raise InputError(f"the point {point}", found=f"it is no draw of {self._spec.id}")
