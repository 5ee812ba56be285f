"""A task whose answers are written in batches of a fixed composition, larger than a block.

The likeliest token after a prompt is a function of the weights and, in its last digits, of the batch that the prompt
is written in. So who is written with whom is a rule, the same whatever else was asked: with a batch of b, the
examples [g·b, (g+1)·b) of a task belong together, for g = 0, 1, … They are always written all at once, in their order,
even where a single one of them is wanted (``design/written-batches.md``). A batch may be larger than memory: then so
many of it are written at the same time, its *slots*, and the others come in as texts end.
"""

from __future__ import annotations

from typing import final
from weakref import WeakKeyDictionary

from corrie.capabilities.task import Task
from corrie.models.reading import Reader, queued
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard, TaskIdentity


@final
class WrittenTogether:
    """A task (:class:`corrie.capabilities.task.Task`) that writes whole batches and gives the examples asked for.

    What a reader has once written is kept as long as that reader: the blocks of a batch are written once at a point.

    Args:
        task: whose examples they are.
        batch: examples written together.
        slots: how many of them at the same time; None: all.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_writing
    >>> task, reader = toy_writing(size=8), toy_model().reader()
    >>> WrittenTogether(task, 4).score(reader, 6, 8) == task.score(reader, 4, 8)[2:]
    True
    """

    def __init__(self, task: Task, batch: int, slots: int | None = None) -> None:
        self._task = task
        self._batch = batch
        self._slots = slots
        self._written: WeakKeyDictionary[Reader, dict[int, tuple[Outcome, ...]]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[WrittenTogether], tuple[Task, int, int | None]]:
        """Another process writes by the same rule; what was written here stays here."""
        return WrittenTogether, (self._task, self._batch, self._slots)

    @property
    def identity(self) -> TaskIdentity:
        """The task's own: the rule belongs to the run."""
        return self._task.identity

    def check(self, reader: Reader) -> None:
        """See the protocol."""
        self._task.check(reader)

    def card(self, index: int) -> ExampleCard:
        """See the protocol."""
        return self._task.card(index)

    def score(self, reader: Reader, start: int, stop: int) -> tuple[Outcome, ...]:
        """Outcomes of examples start … stop−1, each written in its own batch. (See the protocol.)"""
        stop = min(stop, self.identity.size)
        if not 0 <= start < stop:
            return self._task.score(reader, start, stop)  # which says what is wrong with that
        first, last = start // self._batch, (stop - 1) // self._batch
        written = [outcome for batch in range(first, last + 1) for outcome in self._whole(reader, batch)]
        begins = first * self._batch
        return tuple(written[start - begins : stop - begins])

    def _whole(self, reader: Reader, batch: int) -> tuple[Outcome, ...]:
        known = self._written.setdefault(reader, {})
        if batch not in known:
            with queued(reader, self._slots):
                known[batch] = self._task.score(reader, batch * self._batch, (batch + 1) * self._batch)
        return known[batch]


def together(task: Task, batch: int | None, slots: int | None = None) -> Task:
    """The task by a run's rule: answers that are written, in batches; everything else, and without a batch, as it is.

    >>> from corrie.testing.toy_tasks import toy_choice, toy_writing
    >>> type(together(toy_choice(), 20)).__name__, type(together(toy_writing(), 20)).__name__
    ('ChoiceTask', 'WrittenTogether')
    """
    return WrittenTogether(task, batch, slots) if batch is not None and writes(task) else task


def writes(task: Task) -> bool:
    """Whether a task's answers are written."""
    return task.identity.scoring == "generation"
