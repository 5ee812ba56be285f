"""How much reading and writing a block of a task is, before any of it is done."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from corrie.capabilities.rehearsal import Rehearsal, Rehearsed
from corrie.capabilities.task import Task
from corrie.models.encoding import Encoder
from corrie.models.reading import Question
from corrie.models.stops import Stops
from corrie.models.trie import TokenTrie

_STEP = 25
"""What a step of writing costs beside its rows, in tokens (:mod:`corrie.scanning.batch`)."""


def tokens_in(task: Task, encoder: Encoder, stop: int, start: int = 0) -> int:
    """Distinct tokens of examples start … stop−1 as they are scored together; what is written counts 1 + 25/rows each.

    A forward pass over a tree of tokens costs each distinct one once, so two tasks compare as these numbers do, about.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> task, encoder = toy_choice(size=20), toy_model().encoder
    >>> tokens_in(task, encoder, 10) < tokens_in(task, encoder, 20) < 2 * tokens_in(task, encoder, 10)
    True
    """
    reader = _Counting(encoder)
    with contextlib.suppress(Rehearsed):
        task.score(reader, start, stop)
    return reader.tokens


class _Counting(Rehearsal):
    """A rehearsal that counts."""

    tokens = 0

    def read(self, questions: Sequence[Question], shared: str = "") -> list:
        tree = TokenTrie()
        for question in questions:
            for sequence in self.encoder.question(question):
                tree.add(sequence)
        self.tokens = len(tree)
        self.enough()

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list:
        read = sum(len(self.encoder.prompt(prompt, templated, max_tokens)) for prompt in prompts)
        self.tokens = read + max_tokens * (len(prompts) + _STEP)
        self.enough()

    def differ(self, questions: Sequence[Question]) -> list:
        return self.read(questions)
