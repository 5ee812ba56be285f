"""The protocol of a task: a benchmark plus a way of scoring it.

To add one, write a class with these four members and name it in the entry-point group ``corrie.tasks``
(``my_task = "my_package.module:make_task"``, a callable without arguments that returns the task).
``corrie.testing.check_task`` runs the law against it. Most benchmarks need no class of their own: hand their examples
to one that is there (``ChoiceTask``, ``LikelihoodTask``, ``TextTask``, ``GenerateTask``), or write them into a JSONL
file (:mod:`corrie.capabilities.jsonl`).

The law
-------
1. ``identity`` never changes; its digest covers the data, their order, and every setting that can change a score.
2. The order of examples is fixed by a shuffle stored with the task, so that limits nest: the first 40 examples are
   among the first 100.
3. ``score`` is a function of the weights and the block alone: greedy decoding, no clock, no global generator.
4. A number that is not a number scores 0, never NaN; an example that cannot be judged is unscored, never 0.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from corrie.models.reading import Reader
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard, TaskIdentity


@runtime_checkable
class Task(Protocol):
    """See the law in this module's docstring."""

    @property
    def identity(self) -> TaskIdentity: ...

    def check(self, reader: Reader) -> None:
        """Raise TaskError if this model cannot be asked (no chat template where one is needed)."""
        ...

    def score(self, reader: Reader, start: int, stop: int) -> tuple[Outcome, ...]:
        """Outcomes of examples start … stop−1 (stop is cut to the size), scored as one batch."""
        ...

    def card(self, index: int) -> ExampleCard:
        """What a report may show of one example."""
        ...
