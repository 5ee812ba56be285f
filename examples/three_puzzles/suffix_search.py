"""A suffix of a few tokens that undoes a refusal, by greedy coordinate gradient (GCG).

Idea
----
With e_i the one-hot vector of suffix position i, its input is Eᵀ e_i, so ∂L/∂e_i = E ∂L/∂x_i tells for every token of
the vocabulary what putting it there would change, to first order. A step draws candidates that differ from the present
suffix in one position, among the ``top`` most promising tokens of that position, and scores them all. Those that are
better are put into one another, the best first (their swaps at different positions), and scored too; the best of all is
kept if it is better than the present one.

Three conditions, so that the found suffix is a change of weights as well:

*text*       the candidate's prompt, decoded and encoded again, is itself
*distinct*   its ids differ from each other and from every id of the prompt and of the opening. So does the neutral
             suffix that the search begins with; then both prompts repeat themselves in the same places, and the one
             read through moved rows *is* the other (:mod:`corrie.inputs.replacement`)
*plain*      no special tokens

Source: Zou et al. 2023, arXiv 2307.15043; several swaps in one step: Jia et al. 2024, arXiv 2405.21018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from answering import Answer, Answering
from attacked_prompt import AttackedPrompt, Ids
from torch import Tensor

from corrie.errors import InputError
from corrie.models.encoding import Sequenced
from corrie.models.packed import PackedEngine
from corrie.models.plain import PlainEngine

NEUTRAL = (
    " river", " stone", " table", " window", " garden", " paper", " cloud", " music", " bread", " winter", " forest",
    " silver", " market", " bottle", " summer", " yellow", " mountain", " kitchen", " letter", " ocean", " apple",
    " horse", " island", " village", " morning", " chair", " green", " flower", " bridge", " train", " school",
    " painting", " rain", " field", " tree",
)  # fmt: skip
"""Words that the search begins with: they have nothing to do with any request."""

MERGED = 5
"""Most suffixes with several swaps that are scored in a step."""


@dataclass(frozen=True, slots=True)
class SuffixSearch:
    """What the search found.

    suffix      token ids: kept out of every committed file
    answer      to the prompt with it
    steps       taken before the first compliant answer (or all of them)
    scored      candidates whose loss was computed
    before, after   loss of the opening in nats per token, with the neutral suffix and with this one
    """

    suffix: Ids
    answer: Answer
    steps: int
    scored: int
    before: float
    after: float

    @property
    def complied(self) -> bool:
        return self.answer.label == "complied"


class Suffixes:
    """Which suffixes may stand after a request."""

    def __init__(self, answering: Answering, prompt: AttackedPrompt) -> None:
        self._tokenizer = answering.model.tokenizer
        self._prompt = prompt
        self.allowed = _plain_tokens(self._tokenizer, len(answering.table))
        self.allowed[list({*prompt.ids, *prompt.opening})] = False

    def fits(self, suffix: Sequence[int]) -> bool:
        """Distinct, allowed, and the same after decoding and encoding."""
        if len(set(suffix)) < len(suffix) or not bool(self.allowed[list(suffix)].all()):
            return False
        ids = self._prompt.with_suffix(suffix)
        return tuple(self._tokenizer(self._tokenizer.decode(list(ids)), add_special_tokens=False).input_ids) == ids

    def neutral(self, length: int, words: Sequence[str] = NEUTRAL) -> list[Ids]:
        """Suffixes of words that are one token each and stand nowhere in the prompt, three at most.

        A tokenizer without such words gives its first allowed tokens.

        Raises:
            InputError: none survives decoding and encoding.
        """
        ids = [self._tokenizer(w, add_special_tokens=False).input_ids for w in words]
        single = dict.fromkeys(i[0] for i in ids if len(i) == 1 and self.allowed[i[0]])
        chosen = list(single) if len(single) >= length else self.allowed.nonzero().flatten().tolist()
        cut = [tuple(chosen[i : i + length]) for i in range(0, len(chosen) - length + 1, length)]
        found = [one for one in cut if self.fits(one)][:3]
        if not found:
            raise InputError(f"a neutral suffix of {length} tokens", found="none", advice="a shorter one")
        return found

    def random(self, length: int, count: int, seed: int) -> list[Ids]:
        """Suffixes of tokens drawn from all that are allowed."""
        rng = torch.Generator().manual_seed(seed)
        tokens, found = self.allowed.nonzero().flatten(), []
        while len(found) < count:
            drawn = tuple(tokens[torch.randperm(len(tokens), generator=rng)[:length]].tolist())
            if self.fits(drawn):
                found.append(drawn)
        return found


def search_suffix(
    answering: Answering,
    prompt: AttackedPrompt,
    start: Ids,
    *,
    steps: int = 40,
    candidates: int = 32,
    top: int = 64,
    look: int = 10,
    seed: int = 0,
) -> SuffixSearch:
    """Search from a neutral suffix until the answer is no refusal.

    Args:
        candidates: scored in each step.
        look: the answer is looked at when greedy decoding writes the opening, and every so many steps.
    """
    allowed, rng = Suffixes(answering, prompt), torch.Generator().manual_seed(seed)
    engine = (PackedEngine if answering.model.packed else PlainEngine)(answering.model.module)
    ((loss, greedy),) = score_suffixes(engine, prompt, [start])
    suffix, before, scored, looked = start, loss, 1, None
    answer, taken = Answer("refused", ()), 0
    for step in range(steps + 1):
        taken = step
        if suffix != looked and (greedy or step % look == 0 or step == steps):
            (answer,), looked = answering.from_ids([prompt.with_suffix(suffix)]), suffix
            if answer.label == "complied":
                break
        if step == steps:
            break
        slope = one_hot_gradient(answering, prompt, suffix)
        slope[:, ~allowed.allowed] = float("inf")
        best = slope.topk(min(top, int(allowed.allowed.sum())), dim=1, largest=False).indices
        drawn = list(_draw(suffix, best, candidates, allowed, rng))
        if not drawn:
            continue
        ranked = sorted(zip(score_suffixes(engine, prompt, drawn), drawn, strict=True))
        merged = merge(suffix, [one for (low, _), one in ranked if low < loss], allowed)
        ranked += zip(score_suffixes(engine, prompt, merged), merged, strict=True) if merged else ()
        scored += len(ranked)
        (low, hit), one = min(ranked)
        if low < loss:
            loss, greedy, suffix = low, hit, one
    return SuffixSearch(suffix, answer, taken, scored, before, loss)


def merge(suffix: Ids, better: Sequence[Ids], allowed: Suffixes, most: int = MERGED) -> list[Ids]:
    """Suffixes with the swaps of the best two, three, … of those that are better, the best first.

    A swap at a position that was swapped already, or one that makes a suffix that may not stand, is left out.
    """
    found: list[Ids] = []
    current = better[0] if better else suffix
    for one in better[1:]:
        (place,) = [i for i, (a, b) in enumerate(zip(suffix, one, strict=True)) if a != b]
        more = (*current[:place], one[place], *current[place + 1 :])
        if current[place] == suffix[place] and allowed.fits(more):
            current = more
            found.append(current)
        if len(found) == most:
            break
    return found


def one_hot_gradient(answering: Answering, prompt: AttackedPrompt, suffix: Ids) -> Tensor:
    """∂L/∂e for each position of the suffix, shape (positions, V)."""
    vectors = answering.vectors(prompt.with_suffix(suffix)).requires_grad_()
    (slope,) = torch.autograd.grad(answering.opening(vectors, prompt.opening).loss, vectors)
    first = len(prompt.before) + len(prompt.own)
    return slope[first : first + len(suffix)] @ answering.table.T


def score_suffixes(
    engine: PackedEngine | PlainEngine, prompt: AttackedPrompt, suffixes: Sequence[Ids]
) -> list[tuple[float, bool]]:
    """For each suffix the loss of the opening, and whether greedy decoding writes it. What they share runs once."""
    prompts = [prompt.with_suffix(s) for s in suffixes]
    asked = [[Sequenced((*ids, *prompt.opening), len(ids))] for ids in prompts]
    read = engine.score(asked, (*prompt.before, *prompt.own))
    return [(-float(one.log_likelihood.double().mean()), bool(one.greedy.all())) for (one,) in read]


def _draw(suffix: Ids, best: Tensor, count: int, allowed: Suffixes, rng: torch.Generator) -> set[Ids]:
    """Up to ``count`` fitting suffixes that differ in one position; twice as many are tried at most."""
    found: set[Ids] = set()
    for _ in range(2 * count):
        place = int(torch.randint(len(suffix), (1,), generator=rng))
        token = int(best[place, int(torch.randint(best.shape[1], (1,), generator=rng))])
        one = (*suffix[:place], token, *suffix[place + 1 :])
        if one != suffix and allowed.fits(one):
            found.add(one)
        if len(found) == count:
            break
    return found


_PLAIN: dict[int, Tensor] = {}
"""By tokenizer, in this process: going through a vocabulary takes seconds."""


def _plain_tokens(tokenizer: Any, vocabulary: int) -> Tensor:
    """Which ids are printable text that encodes to themselves and are not special, shape (V,). A copy."""
    if id(tokenizer) not in _PLAIN:
        special = set(tokenizer.all_special_ids)
        ids = [i for i in range(min(vocabulary, len(tokenizer))) if i not in special]
        texts = tokenizer.batch_decode([[i] for i in ids])
        back = tokenizer(texts, add_special_tokens=False).input_ids
        plain = torch.zeros(vocabulary, dtype=torch.bool)
        plain[[i for i, t, b in zip(ids, texts, back, strict=True) if b == [i] and t.strip() and t.isprintable()]] = (
            True
        )
        _PLAIN[id(tokenizer)] = plain
    return _PLAIN[id(tokenizer)].clone()
