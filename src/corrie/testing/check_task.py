"""A conformance suite for tasks: run it on your own and know that scans can trust it."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from corrie.capabilities.rehearsal import remember
from corrie.capabilities.task import Task
from corrie.errors import TaskError
from corrie.models.reading import Comparer, Question, Reader, Reading, Writing
from corrie.models.reference import Divergence
from corrie.models.stops import Stops
from corrie.records.cell import Outcome

TOLERANCE = 1e-4
"""How much a loss may differ with the batch an example sits in, nats per token."""


def check_task(
    create: Callable[[], Task], reader: Callable[[], Reader] | None = None, examples: int = 6
) -> Sequence[str]:
    """Try the law of :mod:`corrie.capabilities.task` on a task, sentence by sentence.

    Args:
        create: makes the task, anew at every call (what the entry point names).
        reader: makes a reader of a model's weights in float32, anew at every call; a toy model's by default.
        examples: how many of the task's examples to try, two at least (all, where there are fewer).

    Returns:
        What was tried, one sentence each.

    Raises:
        AssertionError: the task breaks the law; the message is the sentence it breaks.

    >>> from corrie.testing.toy_tasks import toy_choice
    >>> for sentence in check_task(toy_choice)[:2]:
    ...     print(sentence)
    made again, the task has the same identity
    made again, the task has its examples in the same order
    """
    tried: list[str] = []

    def must(sentence: str, holds: bool) -> None:
        if not holds:
            raise AssertionError(f"the task breaks the law: {sentence}")
        tried.append(sentence)

    if reader is None:
        from corrie.testing.toy_models import toy_model

        reader = toy_model().reader
    count = min(max(examples, 2), create().identity.size)
    reader = _remembering(create(), reader, count)
    _identity(create, count, must)
    _outcomes(create(), reader, count, must)
    _blocks(create(), reader, count, must)
    _nothing_global(create(), reader, count, must)
    _broken_weights(create(), reader, count, must)
    _no_chat_template(create(), reader, must)
    return tried


def _remembering(task: Task, reader: Callable[[], Reader], count: int) -> Callable[[], Reader]:
    """Readers of weights that are the unmoved ones: what the task compares with is known, as in a scan."""

    def create() -> Reader:
        made = reader()
        remember(task, made, count)
        remember(task, made, task.identity.size, task.identity.size - 1)
        return made

    return create


_Must = Callable[[str, bool], None]


def _identity(create: Callable[[], Task], count: int, must: _Must) -> None:
    task, again = create(), create()
    must("made again, the task has the same identity", task.identity == again.identity)
    cards = [task.card(i) for i in range(count)]
    must("made again, the task has its examples in the same order", [again.card(i) for i in range(count)] == cards)
    must("every example has an id of its own", len({card.id for card in cards}) == count)


def _outcomes(task: Task, reader: Callable[[], Reader], count: int, must: _Must) -> None:
    before = task.identity
    outcomes = task.score(reader(), 0, count)
    must("scoring does not change the identity", task.identity == before)
    must("there is one outcome for each example of a block", len(outcomes) == count)
    must(
        "outcomes come in the order of the examples",
        [o.id for o in outcomes] == [task.card(i).id for i in range(count)],
    )
    must("success is from 0 to 1, or the example is unscored", all(map(_success_is_one, outcomes)))
    must("a loss is a finite number, or there is none", all(o.loss is None or math.isfinite(o.loss) for o in outcomes))
    must(
        "an example is labelled unscored exactly when it has no success",
        all((o.success is None) == (o.label == "unscored") for o in outcomes),
    )
    must("collapsed output is no success", all(not o.success for o in outcomes if o.label == "collapsed"))
    whole = task.score(reader(), task.identity.size - 1, task.identity.size + 100)
    must("a block that reaches beyond the last example is cut there", len(whole) == 1)


def _success_is_one(outcome: Outcome) -> bool:
    return outcome.success is None or 0.0 <= outcome.success <= 1.0


def _blocks(task: Task, reader: Callable[[], Reader], count: int, must: _Must) -> None:
    together = task.score(reader(), 0, count)
    must("scored again, a block has the same outcomes", task.score(reader(), 0, count) == together)
    one_reader = reader()
    alone = [o for i in reversed(range(count)) for o in task.score(one_reader, i, i + 1)][::-1]
    must(
        "scores do not depend on the block an example sits in, or on what was scored before",
        all(
            a.success == t.success and a.label == t.label and _close(a.loss, t.loss)
            for a, t in zip(alone, together, strict=True)
        ),
    )


def _close(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else abs(a - b) <= TOLERANCE


def _nothing_global(task: Task, reader: Callable[[], Reader], count: int, must: _Must) -> None:
    asked = reader()
    before = _generators()
    task.score(asked, 0, count)
    must("no global random generator is touched", _generators() == before)


def _generators() -> list[object]:
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    inner = numpy_state.pop("state")
    states: list[object] = [random.getstate(), numpy_state, inner["key"].tobytes(), inner["pos"]]
    torch = sys.modules.get("torch")
    if torch is not None:
        states.append(torch.get_rng_state().numpy().tobytes())
    return states


def _broken_weights(task: Task, reader: Callable[[], Reader], count: int, must: _Must) -> None:
    outcomes = task.score(_Broken(reader()), 0, count)
    must("where the model's numbers are no numbers, nothing succeeds", all(not o.success for o in outcomes))
    must(
        "where the model's numbers are no numbers, no loss is made of them",
        all(o.loss is None or math.isfinite(o.loss) for o in outcomes),
    )


def _no_chat_template(task: Task, reader: Callable[[], Reader], must: _Must) -> None:
    silent = _Templateless(reader())

    def refuses(ask: Callable[[], object]) -> bool:
        try:
            ask()
        except TaskError:
            return True
        return False

    must(
        "a model without a chat template is either asked without one or refused with a TaskError, and check says which",
        refuses(lambda: task.check(silent)) == refuses(lambda: task.score(silent, 0, 1)),
    )


class _Broken:
    """A reader of weights whose every logit is NaN."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        return [
            tuple(Reading(math.nan, r.tokens, 0, r.answer) for r in readings)
            for readings in self._reader.read(questions, shared)
        ]

    def remember(self, questions: Sequence[Question]) -> None:
        self._comparer().remember(questions)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        return [
            tuple(Divergence(math.nan, d.tokens, 0, d.answer) for d in differences)
            for differences in self._comparer().differ(questions)
        ]

    def _comparer(self) -> Comparer:
        if not isinstance(self._reader, Comparer):
            raise TaskError("a comparison", found="a reader that cannot compare", advice="a reader of corrie.load")
        return self._reader

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        written = self._reader.write(prompts, max_tokens, templated, stops)
        return [Writing(w.text, w.tokens, w.ended, finite=False) for w in written]

    def chat(self, request: str) -> str:
        return self._reader.chat(request)

    @property
    def has_chat_template(self) -> bool:
        return self._reader.has_chat_template


class _Templateless(_Broken):
    """A reader of a model without a chat template."""

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        return self._reader.read(questions, shared)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        return self._comparer().differ(questions)

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        return self._reader.write(prompts, max_tokens, templated, stops)

    def chat(self, request: str) -> str:
        raise TaskError("a chat prompt", found="no chat template")

    @property
    def has_chat_template(self) -> bool:
        return False
