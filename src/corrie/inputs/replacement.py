"""Replaced tokens as a shift of Gaussian noise: only where both prompts repeat themselves in the same places.

Idea
----
Put N(0, σ²I) on the rows of the (untied) input embedding E. What a prompt a_1 … a_T shows the model is one noisy row
for each *distinct* id, placed where the id occurs. Let b_1 … b_T be another prompt with the same equality pattern,
a_i = a_j ⇔ b_i = b_j. Then the two noised prompts are the same function of k independent Gaussian vectors, with means
E_{u_1} … E_{u_k} under a (u the distinct ids of a) and E_{v_1} … E_{v_k} under b, so every bound of
:mod:`corrie.stats.gaussian_shift` holds with

    r² = Σ over distinct ids ‖E_b − E_a‖².                                                              (per id)

Proof. The map from places to distinct ids is the pattern, which is shared; distinct rows have independent noise, under
a and under b alike (an id of a may be an id of b: a swap). What else is read, tokens of options say, is part of both
sequences, and of the pattern. ∎

*Without the same pattern there is no bound.* Where a_i = a_j but b_i ≠ b_j, the two vectors are equal with probability
1 under a and with probability 0 under b: the laws are mutually singular, and a score can tell them apart whatever σ is.
The theorem of the paper, which asks for no pattern, is false as it stands: vocabulary {A, B}, E_A = 0, E_B = e > 0 in
one dimension, score 1 if the first vector is below the second. (A, B) scores Φ(e/(√2 σ)); (B, B) scores P(x < x) = 0,
where the bound promises Φ(e/(√2 σ) − e/σ) > 0. (A test of ours.)

*Nothing may be fed back.* A generated id of either prompt is looked up in the same noisy table: under a it shows the
prompt's own vector again, under b an independent one. So a text that is written out is refused.

*Noise of its own at every position* is another random model, without either condition:

    r² = Σ over positions ‖E_{b_i} − E_{a_i}‖²,                                                   (per position)

for the T vectors are independent whatever the ids are. What is generated is then a function of them (with fresh noise
or none on the new tokens, of a law that does not depend on the prompt's ids). Equal length is still needed.

r belongs to one pair of prompts. For many: the largest r_j, or each example's own (:mod:`corrie.stats.per_example`).

Source: [derived] from Cohen et al. 2019; the claim that is corrected is in Chen et al., arXiv 2505.17646.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from corrie.errors import InputError


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a replacement moves the vectors that noise is put on.

    distance   r
    moved      ids (noise per id) or positions (noise per position) that change
    noise      where independent noise must sit for r to bound anything
    """

    distance: float
    moved: int
    noise: Literal["per id", "per position"]

    def __str__(self) -> str:
        what = ("distinct id" if self.noise == "per id" else "position") + ("" if self.moved == 1 else "s")
        return f"r = {self.distance:.4g} over {self.moved} {what}, under independent noise {self.noise}"


def shift_per_id(
    rows: Tensor, before: Sequence[int], after: Sequence[int], *, fixed: Sequence[int] = (), generates: bool = False
) -> Shift:
    """r for noise on the rows of an untied embedding.

    Args:
        rows: E, shape (V, n).
        before, after: the ids of the two prompts.
        fixed: every other id that is read: worked examples, options, continuations.
        generates: whether anything is written out and read again.

    Raises:
        InputError: another length, another equality pattern, generation, ids that are no rows.

    >>> import torch
    >>> rows = torch.tensor([[0.0], [3.0], [4.0]])
    >>> print(shift_per_id(rows, [0, 1, 0], [2, 1, 2]))
    r = 4 over 1 distinct id, under independent noise per id
    >>> shift_per_id(rows, [0, 1], [1, 1])
    Traceback (most recent call last):
    corrie.errors.InputError: a bound for replaced tokens: positions 0 and 1 hold different tokens before and the same \
token after, so noise on shared rows tells the prompts apart with certainty. Try: noise per position
    """
    _same_length(before, after)
    if generates:
        raise InputError(
            "a bound for replaced tokens",
            found="what is generated is looked up in the same noisy rows, in which the two prompts differ",
            advice="a score that is read off the prompt, or noise per position",
        )
    parted = first_difference((*before, *fixed), (*after, *fixed))
    if parted is not None:
        one, two = parted
        was_same = (*before, *fixed)[one] == (*before, *fixed)[two]
        words = ("the same token before and different tokens", "different tokens before and the same token")
        raise InputError(
            "a bound for replaced tokens",
            found=f"positions {one} and {two} hold {words[0] if was_same else words[1]} after, so noise on shared rows "
            "tells the prompts apart with certainty",
            advice="noise per position",
        )
    pairs = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
    return Shift(_distance(rows, sorted(pairs)), len(pairs), "per id")


def shift_per_position(rows: Tensor, before: Sequence[int], after: Sequence[int]) -> Shift:
    """r for independent noise on every position's vector.

    Raises:
        InputError: another length, ids that are no rows.

    >>> import torch
    >>> print(shift_per_position(torch.tensor([[0.0], [3.0], [4.0]]), [0, 0], [1, 2]))
    r = 5 over 2 positions, under independent noise per position
    """
    _same_length(before, after)
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    return Shift(_distance(rows, pairs), len(pairs), "per position")


def first_difference(before: Sequence[int], after: Sequence[int]) -> tuple[int, int] | None:
    """The first two positions that are equal in one sequence and not in the other; None if the patterns agree.

    >>> first_difference([1, 2, 1], [5, 6, 5]), first_difference([1, 2, 1], [5, 6, 7]), first_difference([1, 2], [2, 2])
    (None, (0, 2), (0, 1))
    """
    first_before: dict[int, int] = {}
    first_after: dict[int, int] = {}
    for position, (a, b) in enumerate(zip(before, after, strict=True)):
        one, two = first_before.setdefault(a, position), first_after.setdefault(b, position)
        if one != two:
            return min(one, two), position
    return None


def _same_length(before: Sequence[int], after: Sequence[int]) -> None:
    if len(before) != len(after) or not before:
        raise InputError(
            f"{len(before)} tokens replaced by {len(after)}",
            found="another length" if before else "no token",
            advice="texts of as many tokens each: no bound here covers inserted or deleted ones",
        )


def _distance(rows: Tensor, pairs: Sequence[tuple[int, int]]) -> float:
    strange = [t for pair in pairs for t in pair if not 0 <= t < len(rows)]
    if strange:
        raise InputError(f"token {strange[0]}", found=f"the embedding has {len(rows)} rows", advice="ids of this model")
    return math.sqrt(sum(float((rows[b].double() - rows[a].double()).square().sum()) for a, b in pairs))
