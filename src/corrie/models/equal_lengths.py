"""The engine for models that no tree serves: rows of one length together, what they all begin with read once.

A recurrent layer, or attention that counts places in the row, gives a token of a tree another score than it has alone.
Rows of *one* length need no padding and no mask, so nothing of a row is seen by its neighbours. Of the sequences that
are asked,

- a row is read without its last token, which predicts nothing that is asked for;
- a row that is the beginning of another is read off that one: options of one token share one row;
- what all begin with is read once for a point, and its keys, values and states are copied to every row, where the
  model goes on from them with the same numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from corrie.models.encoding import Sequenced
from corrie.models.head import logits_at
from corrie.models.key_values import keys_and_values_of, known_by
from corrie.models.likelihood import TokenScores, token_scores
from corrie.models.packed import LOGIT_NUMBERS, beginning_of
from corrie.models.plain import PlainEngine
from corrie.models.rope import Reach, forget_longer_rows

ROW_TOKENS = 2048
"""Most tokens of rows that run together."""


class EqualLengths:
    """Scores sequences for one state of the weights. Throw it away when they move.

    Args:
        rows: changes of the weights, each with the same sequences (:class:`corrie.models.packed.PackedEngine`).
        reach: a longer sequence runs alone.
        share: read what all sequences begin with once.
    """

    def __init__(self, module: nn.Module, rows: int = 1, reach: Reach | None = None, share: bool = True) -> None:
        self.module: Any = module
        self.rows = rows
        self.reach = reach or Reach()
        self.share = share
        self.device = next(module.parameters()).device
        self._alone = PlainEngine(module, rows)
        self._beginnings: dict[tuple[int, ...], Any] = {}

    def score(self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()) -> list[list[TokenScores]]:
        """For each continuation of each question the scores of its scored tokens (in the first row)."""
        return self.score_rows(questions, shared)[0]

    @torch.no_grad()
    def score_rows(
        self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()
    ) -> list[list[list[TokenScores]]]:
        """The same for every row of a batch of equal rows."""
        beginning = beginning_of(questions, shared) if self.share else ()
        known: dict[Sequenced, list[TokenScores]] = {}
        asked = dict.fromkeys(s for q in questions for s in q)
        near = [s for s in asked if self.reach.holds(len(s.ids))]
        for batch in self._batches(near):
            known |= self._together(batch, beginning)
        for sequence in asked:
            if sequence not in known:
                found = self._alone.score_rows([[sequence]])
                known[sequence] = [row[0][0] for row in found]
        return [[[known[s][row] for s in q] for q in questions] for row in range(self.rows)]

    def _batches(self, sequences: Sequence[Sequenced]) -> Iterator[list[list[Sequenced]]]:
        """Rows of one length, each with the sequences that are read off it."""
        numbers = LOGIT_NUMBERS // self.rows // int(self.module.config.get_text_config().vocab_size)
        for length, some in groupby(_rows(sequences), key=lambda row: len(row[0].ids)):
            batch: list[list[Sequenced]] = []
            scored = 0
            for row in some:
                more = sum(len(s.ids) - s.start for s in row)
                if batch and ((len(batch) + 1) * length > ROW_TOKENS or scored + more > numbers):
                    yield batch
                    batch, scored = [], 0
                batch.append(row)
                scored += more
            yield batch

    def _together(
        self, batch: Sequence[Sequence[Sequenced]], beginning: tuple[int, ...]
    ) -> dict[Sequenced, list[TokenScores]]:
        """Scores of the sequences of one batch, for every change of the weights."""
        forget_longer_rows(self.module)
        known = self._states(beginning, len(batch))
        skip = 0 if known is None else len(beginning)
        ids = torch.tensor([row[0].ids[skip:-1] for row in batch], device=self.device)
        where = [(n, p - skip) for n, row in enumerate(batch) for s in row for p in range(s.start - 1, len(s.ids) - 1)]
        rows, places = torch.tensor(where, device=self.device).T
        every = torch.cat([rows + change * len(batch) for change in range(self.rows)])
        with logits_at(self.module, every, places.repeat(self.rows)):
            logits = self.module(
                input_ids=ids.repeat(self.rows, 1),
                use_cache=known is not None,
                **({} if known is None else known_by(self.module, known)),
            ).logits[0]
        listed = [s for row in batch for s in row]
        targets = torch.tensor([t for s in listed for t in s.ids[s.start :]], device=self.device)
        sizes = [len(s.ids) - s.start for s in listed]
        found = [_parts(token_scores(part, targets), sizes) for part in logits.split(len(targets))]
        return {s: [change[n] for change in found] for n, s in enumerate(listed)}

    def _states(self, beginning: tuple[int, ...], count: int) -> Any:
        """What reading the beginning leaves, for so many rows of every change; None where nothing is kept."""
        if not beginning:
            return None
        if beginning not in self._beginnings:
            ids = torch.tensor([beginning], device=self.device).expand(self.rows, -1)
            zero = torch.zeros(1, dtype=torch.long, device=self.device)
            with logits_at(self.module, zero, zero):
                self._beginnings[beginning] = keys_and_values_of(self.module(input_ids=ids, use_cache=True))
        known = copy.deepcopy(self._beginnings[beginning])
        if known is not None:
            known.reorder_cache(torch.arange(self.rows, device=self.device).repeat_interleave(count))
        return known


def _rows(sequences: Sequence[Sequenced]) -> list[list[Sequenced]]:
    """Sequences by the row that they are read off, the first of each the longest; rows of one length together.

    >>> a, b, c = Sequenced((1, 2, 3), 2), Sequenced((1, 2, 4), 2), Sequenced((1, 2, 4, 5), 2)
    >>> [[s.ids for s in row] for row in _rows([a, b, c])]
    [[(1, 2, 4, 5), (1, 2, 3), (1, 2, 4)]]
    """
    rows: dict[tuple[int, ...], list[Sequenced]] = {}
    holder: dict[tuple[int, ...], tuple[int, ...]] = {}
    for sequence in sorted(sequences, key=lambda s: -len(s.ids)):
        read = sequence.ids[:-1]
        if read not in holder:
            for end in range(len(read), 0, -1):
                if holder.setdefault(read[:end], read) != read:
                    break  # its beginnings are known already
            rows[read] = []
        rows[holder[read]].append(sequence)
    return list(rows.values())


def _parts(scores: TokenScores, sizes: Sequence[int]) -> list[TokenScores]:
    cut: Sequence[Sequence[Tensor]] = [part.split(list(sizes)) for part in scores]
    return [TokenScores(*parts) for parts in zip(*cut, strict=True)]
