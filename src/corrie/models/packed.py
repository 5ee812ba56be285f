"""The fast engine: a block of questions as one tree of tokens, shared beginnings computed once for a whole point."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from corrie.models.encoding import Sequenced
from corrie.models.head import logits_at
from corrie.models.key_values import keys_and_values_of, known_by
from corrie.models.likelihood import TokenScores, token_scores
from corrie.models.plain import PlainEngine
from corrie.models.rope import Reach, forget_longer_rows
from corrie.models.tree_mask import tree_attention, tree_of
from corrie.models.trie import TokenTrie
from corrie.weights.equal_rows import equal_rows

TOKENS = 768
"""Most nodes of a tree that run together: beyond it attention, quadratic in the row, eats the gain."""

LOGIT_NUMBERS = 64 * 2**20
"""Most logits held at once."""


@dataclass
class _Pack:
    """Questions that run together: their tree, the nodes that predict each one's scored tokens, and all of these.

    One that runs alone has no tree and no paths.
    """

    skip: int
    questions: list[Sequence[Sequenced]] = field(default_factory=list)
    paths: list[list[NDArray[np.int64]]] = field(default_factory=list)
    scored: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.trie = TokenTrie(skip=self.skip)

    def lay(self, question: Sequence[Sequenced]) -> list[NDArray[np.int64]]:
        """Its continuations as paths in the tree."""
        return [self.trie.add(sequence) for sequence in question]


class PackedEngine:
    """Scores sequences for one state of the weights. Throw it away when they move.

    With several ``rows`` each tree runs as so many equal rows of one batch, for a module that gives every row a change
    of its own (:mod:`corrie.subspaces.row_space`). ``reach``: how far sequences that run together get what they get
    alone; a question with a longer one, or a tree with more nodes, runs sequence by sequence.
    """

    def __init__(self, module: nn.Module, rows: int = 1, reach: Reach | None = None) -> None:
        self.module: Any = module
        self.rows = rows
        self.reach = reach or Reach()
        self._alone = PlainEngine(module, rows)
        first = next(module.parameters())
        self.device = first.device
        self._beginnings: dict[tuple[int, ...], Any] = {}

    def score(self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()) -> list[list[TokenScores]]:
        """For each continuation of each question the scores of its scored tokens (in the first row).

        ``shared``: tokens that every sequence is expected to begin with (used only where they do).
        """
        return self.score_rows(questions, shared)[0]

    @torch.no_grad()
    def score_rows(
        self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()
    ) -> list[list[list[TokenScores]]]:
        """The same for every row."""
        beginning = beginning_of(questions, shared)
        out: list[list[list[TokenScores]]] = [[] for _ in range(self.rows)]
        for pack in self._packs(questions, len(beginning)):
            for row, scores in zip(out, self._score(pack, beginning), strict=True):
                row.extend(scores)
        return out

    def _packs(self, questions: Sequence[Sequence[Sequenced]], skip: int) -> list[_Pack]:
        """Questions in their order, cut where a tree would grow too large."""
        most_scored = max(1, LOGIT_NUMBERS // self.rows // int(self.module.config.get_text_config().vocab_size))
        packs = [_Pack(skip)]
        for question in questions:
            if not self._short(question):
                packs += [_Pack(skip, [question]), _Pack(skip)]
                continue
            pack = packs[-1]
            size = len(pack.trie)
            paths = pack.lay(question)
            scored = pack.scored.union(*(path.tolist() for path in paths))
            if pack.questions and (len(pack.trie) > TOKENS or len(scored) > most_scored):
                pack.trie.cut(size)
                packs.append(pack := _Pack(skip))
                paths = pack.lay(question)
                scored = set[int]().union(*(path.tolist() for path in paths))
            pack.questions.append(question)
            pack.paths.append(paths)
            pack.scored = scored
        return [pack for pack in packs if pack.questions]

    def _short(self, question: Sequence[Sequenced]) -> bool:
        return all(self.reach.holds(len(s.ids)) for s in question)

    def _score(self, pack: _Pack, beginning: tuple[int, ...]) -> list[list[list[TokenScores]]]:
        questions, paths, trie = pack.questions, pack.paths, pack.trie
        if not (paths and self.reach.holds(0, len(beginning) + len(trie))):
            return self._alone.score_rows(questions)
        flat = np.concatenate([p for q in paths for p in q])
        nodes, place = np.unique(flat, return_inverse=True)
        ancestry = torch.from_numpy(trie.ancestry()).to(self.device)
        forget_longer_rows(self.module)
        depths = self._long(trie.depths)
        tree = tree_of(ancestry, depths, len(beginning))
        known = self._keys_and_values(beginning)
        rows = np.repeat(np.arange(self.rows), len(nodes))
        with (
            equal_rows(),
            tree_attention(self.module, tree),
            logits_at(self.module, self._long(rows), self._long(np.tile(nodes, self.rows))),
        ):
            logits = self.module(
                input_ids=self._in_rows(trie.tokens),
                attention_mask=torch.ones((self.rows, len(tree.depths)), dtype=torch.long, device=self.device),
                position_ids=depths[None],
                use_cache=bool(beginning),
                **known_by(self.module, known),
            ).logits[0]
        targets = self._long(np.concatenate([np.asarray(s.ids[s.start :]) for q in questions for s in q]))
        # A node that predicts several targets (options that part there) has its logits read once for each.
        places = self._long(place)
        return [_cut(token_scores(part[places], targets), paths) for part in logits.split(len(nodes))]

    def _keys_and_values(self, beginning: tuple[int, ...]) -> Any:
        """Keys and values of a known beginning, computed at its first use. A copy that may be grown."""
        if not beginning:
            return None
        known = self._beginnings.get(beginning)
        if known is None:
            zero = self._long([0])
            with equal_rows(), logits_at(self.module, zero, zero):
                known = keys_and_values_of(self.module(input_ids=self._in_rows(beginning), use_cache=True))
            self._beginnings[beginning] = known
        grown = copy.copy(known)
        grown.layers = [copy.copy(layer) for layer in known.layers]
        return grown

    def _in_rows(self, values: Any) -> Tensor:
        return self._long(values)[None].expand(self.rows, -1)

    def _long(self, values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.long, device=self.device)


def beginning_of(questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...]) -> tuple[int, ...]:
    """The tokens that all sequences begin with, of those they are expected to; none where one does not.

    The last two may be others in some sequence, for a tokenizer joins what follows.
    """
    beginning = shared[: max(len(shared) - 2, 0)]
    skip = len(beginning)
    return beginning if all(s.ids[:skip] == beginning and s.start > skip for q in questions for s in q) else ()


def _cut(scores: TokenScores, paths: Sequence[Sequence[np.ndarray]]) -> list[list[TokenScores]]:
    """The flat scores, given back to their continuations."""
    out: list[list[TokenScores]] = []
    start = 0
    for question in paths:
        row = []
        for path in question:
            part = slice(start, start + len(path))
            row.append(TokenScores(scores.log_likelihood[part], scores.greedy[part], scores.best[part]))
            start += len(path)
        out.append(row)
    return out
