"""Which tokens of a task's prompts may be attacked.

A task is asked what it would ask, without a model answering: for each example the contexts and continuations it hands
to a reader. An example fits if all its continuations share one context. Of that prompt, the tokens at the beginning and
at the end that *all* chosen prompts share (worked examples, a template, "Answer:") stay as they are; what lies between
is the example's own, and is what noise and attack act on. The continuations stay too.

Everything here is a statement about token ids: an attacked prompt is any sequence of as many ids, also one that no text
would be split into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corrie.capabilities.task import Task
from corrie.errors import TaskError
from corrie.models.encoding import common_length
from corrie.models.model import Model
from corrie.models.reader import ModelReader
from corrie.models.reading import Question, Reading, Writing
from corrie.models.stops import Stops


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of the first examples of a task.

    contexts   context of each, as text: how a reader recognises its example
    ids        token ids of each prompt
    before     tokens at the beginning that all share
    after      tokens at the end that all share
    """

    contexts: tuple[tuple[str, bool], ...]
    ids: tuple[tuple[int, ...], ...]
    before: int
    after: int

    @classmethod
    def of(cls, model: Model, task: Task, limit: int) -> Prompts:
        """Ask the task.

        Raises:
            TaskError: it lets the model write, scores running text, or shows the options of an example different
                contexts; two examples have the same prompt, or one has no token of its own.
        """
        listener = Listener(model.reader())
        contexts, ids = [], []
        for index in range(limit):
            listener.received.clear()
            task.score(listener, index, index + 1)
            asked = {(q.context, q.templated) for q in listener.received}
            if len(asked) != 1 or not listener.received[0].context:
                raise _unfit(
                    task,
                    f"example {index + 1} shows its options {len(asked)} different contexts"
                    if len(asked) > 1
                    else "it scores running text, which has no prompt",
                )
            sequences = [s for q in listener.received for s in model.encoder.question(q)]
            contexts.append(asked.pop())
            ids.append(sequences[0].ids[: min(s.start for s in sequences)])
        if len(set(contexts)) < limit:
            raise _unfit(task, "two of its examples have the same prompt, and noise must be independent")
        before, after = _shared_ends(ids)
        return cls(tuple(contexts), tuple(ids), before, after)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Own tokens of each prompt."""
        return tuple(len(i) - self.before - self.after for i in self.ids)

    @property
    def kept(self) -> tuple[int, ...]:
        """The tokens that all prompts begin with."""
        return self.ids[0][: self.before]

    def own(self, index: int) -> tuple[int, ...]:
        """The tokens of one prompt that may be attacked."""
        return self.ids[index][self.before : len(self.ids[index]) - self.after]


class Listener:
    """A reader that only notes what it is asked."""

    def __init__(self, reader: ModelReader) -> None:
        self._reader = reader
        self.received: list[Question] = []

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """An answer without meaning to each."""
        self.received.extend(questions)
        return [tuple(Reading(-1.0, 1, 0, "") for _ in q.continuations) for q in questions]

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """Refused: what a model writes is not read off its prompt."""
        raise TaskError(
            "a certificate about changed inputs",
            found="the task lets the model write",
            advice="a task that is scored by choice or likelihood",
        )

    def chat(self, request: str) -> str:
        """As the model would be asked."""
        return self._reader.chat(request)

    @property
    def has_chat_template(self) -> bool:
        return self._reader.has_chat_template


def _shared_ends(ids: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """Tokens that all prompts begin and end with, leaving one or more to each. One prompt alone shares nothing.

    >>> _shared_ends([(1, 2, 3, 9), (1, 4, 9)]), _shared_ends([(1, 2)]), _shared_ends([(1, 1), (1, 1, 1)])
    ((1, 1), (0, 0), (1, 0))
    """
    if len(ids) == 1:
        return 0, 0
    room = min(map(len, ids)) - 1
    before = min(room, *(common_length(ids[0], i) for i in ids[1:]))
    after = min(room - before, *(common_length(ids[0][::-1], i[::-1]) for i in ids[1:]))
    return before, after


def _unfit(task: Task, found: str) -> TaskError:
    return TaskError(
        f"a certificate about changed inputs of task {task.identity.name!r}",
        found=found,
        advice="a task with one prompt for each example, such as knowledge",
    )
