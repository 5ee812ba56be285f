"""A model's present weights, ready to be asked (the ``Reader`` protocol over a causal language model)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from corrie.models.encoding import Encoder, Sequenced
from corrie.models.greedy import Written, write_greedily
from corrie.models.likelihood import TokenScores
from corrie.models.packed import PackedEngine
from corrie.models.plain import PlainEngine
from corrie.models.reading import Question, Reading, Writing


class ModelReader:
    """Serves one point: it keeps keys and values of shared beginnings, and is thrown away when the weights move.

    With several ``rows`` it serves as many points at once, for a module that gives every row of a batch a change of its
    own; :meth:`read` and :meth:`write` then speak of the first (:mod:`corrie.models.rows` has a reader for each).
    """

    def __init__(
        self, module: nn.Module, encoder: Encoder, packed: bool, end_tokens: frozenset[int], rows: int = 1
    ) -> None:
        self._module = module
        self._encoder = encoder
        self._packed = packed
        self._engine = PackedEngine(module, rows) if packed else PlainEngine(module, rows)
        self._end_tokens = end_tokens
        self._rows = rows

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """One reading for each continuation of each question (see :class:`corrie.models.reading.Reader`)."""
        return self.read_rows(questions, shared)[0]

    def read_rows(self, questions: Sequence[Question], shared: str = "") -> list[list[tuple[Reading, ...]]]:
        """The same for every row."""
        if not questions:
            return [[] for _ in range(self._rows)]
        sequences = [self._encoder.question(q) for q in questions]
        beginning = self._encoder.encode(shared, questions[0].templated) if shared else ()
        return [
            [tuple(map(self._reading, question)) for question in row]
            for row in self._engine.score_rows(sequences, beginning)
        ]

    def write(self, prompts: Sequence[str], max_tokens: int, templated: bool = False) -> list[Writing]:
        """Greedy continuations (see :class:`corrie.models.reading.Reader`)."""
        return self.write_rows(prompts, max_tokens, templated)[0]

    def write_rows(self, prompts: Sequence[str], max_tokens: int, templated: bool = False) -> list[list[Writing]]:
        """The same for every row."""
        ids = [self._encoder.prompt(p, templated, max_tokens) for p in prompts]
        rows: list[list[Writing]] = [[] for _ in range(self._rows)]
        for batch in [ids] if self._packed else [[i] for i in ids]:
            written = write_greedily(self._module, batch * self._rows, max_tokens, self._end_tokens)
            for number, row in enumerate(rows):
                row.extend(map(self._writing, written[number * len(batch) : (number + 1) * len(batch)]))
        return rows

    def chat(self, request: str) -> str:
        """The request as a prompt through the chat template, ready for the assistant's answer."""
        return self._encoder.template.prompt(request)

    @property
    def has_chat_template(self) -> bool:
        return self._encoder.template.there

    def _writing(self, written: Written) -> Writing:
        text = self._encoder.decode(written.ids, special=False)
        return Writing(text=text, tokens=len(written.ids), ended=written.ended, finite=written.finite)

    def _reading(self, scores: TokenScores) -> Reading:
        return Reading(
            log_likelihood=float(scores.log_likelihood.double().sum()),
            tokens=len(scores.best),
            greedy=int(scores.greedy.sum()),
            answer=self._encoder.decode(scores.best.tolist(), special=True),
        )


def tree_works(module: nn.Module, vocabulary: int) -> bool:
    """Does this architecture give a tree of tokens the scores it gives to each sequence alone?

    Asked of the model itself, on a dozen tokens: recurrent layers, position biases that ignore position ids, or an
    attention that drops a mask would show here, and the slow engine takes over.
    """

    def sequence(*tokens: int) -> Sequenced:
        return Sequenced(tuple(t % vocabulary for t in tokens), 4)

    questions = [
        [sequence(11, 23, 5, 41, 17, 8, 60), sequence(11, 23, 5, 41, 29, 77, 60, 3)],
        [sequence(11, 23, 5, 90, 12, 33, 9), sequence(11, 23, 5, 90, 31)],
    ]
    shared = (*questions[0][0].ids[:3], 0, 0)
    tolerance = 1e-3 if next(module.parameters()).dtype in (torch.float32, torch.float64) else 0.3
    try:
        fast: Any = PackedEngine(module).score(questions, shared)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError):
        return False
    slow = PlainEngine(module).score(questions)
    pairs = [(f, s) for fq, sq in zip(fast, slow, strict=True) for f, s in zip(fq, sq, strict=True)]
    return all(bool(torch.allclose(f[0], s[0], atol=tolerance, rtol=0, equal_nan=True)) for f, s in pairs)
