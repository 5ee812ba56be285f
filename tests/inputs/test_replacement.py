"""The bound for replaced tokens where it holds, and the case in which the paper's theorem fails."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import norm

from corrie.errors import InputError
from corrie.inputs.replacement import first_difference, shift_per_id, shift_per_position
from corrie.stats import gaussian_shift

A, B = 0, 1
STEP, SIGMA = 1.0, 0.8
TWO_WORDS = torch.tensor([[0.0], [STEP]])


def draws(seed: int = 0, count: int = 200_000) -> np.ndarray:
    """Noisy tables of two one-dimensional embeddings, shape (count, 2)."""
    return TWO_WORDS.numpy()[:, 0] + SIGMA * np.random.default_rng(seed).normal(size=(count, 2))


def test_the_theorem_without_the_equality_pattern_is_false() -> None:
    """theory.md, section 7: score 1 if the first vector is below the second; (A, B) becomes (B, B)."""
    tables = draws()
    before = (tables[:, A] < tables[:, B]).mean()
    after = (tables[:, B] < tables[:, B]).mean()
    assert before == pytest.approx(norm.cdf(STEP / (np.sqrt(2) * SIGMA)), abs=0.005)
    distance = float((TWO_WORDS[B] - TWO_WORDS[A]).norm())
    promised = float(gaussian_shift.lower(before, distance / SIGMA))
    assert promised == pytest.approx(norm.cdf(STEP / (np.sqrt(2) * SIGMA) - STEP / SIGMA), abs=0.005)
    assert promised > 0.3
    assert after == 0.0, "both positions show one noisy row"
    with pytest.raises(InputError, match="positions 0 and 1 hold different tokens before and the same token after"):
        shift_per_id(TWO_WORDS, [A, B], [B, B])


def test_noise_per_position_covers_the_counterexample() -> None:
    shift = shift_per_position(TWO_WORDS, [A, B], [B, B])
    assert (shift.distance, shift.moved) == (STEP, 1)
    noise = SIGMA * np.random.default_rng(1).normal(size=(200_000, 2))
    before = (noise[:, 0] < STEP + noise[:, 1]).mean()
    after = (STEP + noise[:, 0] < STEP + noise[:, 1]).mean()
    assert after == pytest.approx(0.5, abs=0.005)
    assert after > gaussian_shift.lower(before, shift.distance / SIGMA)


@pytest.mark.parametrize(
    ("before", "after"), [([0, 1], [1, 0]), ([0, 1, 0], [2, 1, 2]), ([0, 1, 2], [1, 2, 0]), ([0, 0], [3, 3])]
)
def test_with_the_pattern_half_spaces_lose_exactly_what_the_bound_allows(before: list[int], after: list[int]) -> None:
    """Swaps and all-occurrence replacements: the noisy table is drawn, the worst score for this r is computed on it."""
    rows = torch.tensor([[0.0, 0.3], [1.0, -0.2], [0.4, 1.1], [-0.6, 0.5]])
    shift = shift_per_id(rows, before, after)
    pairs = dict(zip(before, after, strict=True))
    expected = sum(float((rows[b] - rows[a]).square().sum()) for a, b in pairs.items())
    assert shift.distance == pytest.approx(np.sqrt(expected))
    tables = rows.numpy() + SIGMA * np.random.default_rng(2).normal(size=(100_000, 4, 2))
    normal = np.concatenate([(rows[b] - rows[a]).numpy() for a, b in pairs.items()]) / shift.distance
    places = [before.index(a) for a in pairs]

    def score(prompt: list[int]) -> float:
        """A function of what is read at the prompt's places, and of nothing else."""
        read = tables[:, [prompt[p] for p in places]].reshape(len(tables), -1)
        centre = np.concatenate([rows[a].numpy() for a in pairs])
        return float(((read - centre) @ normal <= 1.2 * SIGMA).mean())

    assert score(before) == pytest.approx(norm.cdf(1.2), abs=0.005)
    assert score(after) == pytest.approx(float(gaussian_shift.lower(norm.cdf(1.2), shift.distance / SIGMA)), abs=0.006)


def test_the_pattern_includes_everything_that_is_read() -> None:
    rows = torch.eye(4)
    assert shift_per_id(rows, [0, 1], [2, 1], fixed=[3]).moved == 1
    with pytest.raises(InputError, match="positions 0 and 2 hold the same token before and different tokens after"):
        shift_per_id(rows, [0, 1], [2, 1], fixed=[0])
    with pytest.raises(InputError, match="positions 0 and 2 hold different tokens before and the same token after"):
        shift_per_id(rows, [0, 1], [2, 1], fixed=[2])


def test_generation_is_refused_per_id_and_not_per_position() -> None:
    rows = torch.eye(4)
    with pytest.raises(InputError, match=r"looked up in the same noisy rows.*noise per position"):
        shift_per_id(rows, [0, 1], [2, 1], generates=True)
    assert shift_per_position(rows, [0, 1], [2, 1]).distance == pytest.approx(np.sqrt(2))


def test_the_pattern_by_brute_force() -> None:
    for a in itertools.product(range(3), repeat=3):
        for b in itertools.product(range(3), repeat=3):
            same = all((a[i] == a[j]) == (b[i] == b[j]) for i in range(3) for j in range(3))
            found = first_difference(a, b)
            assert (found is None) == same
            if found is not None:
                i, j = found
                assert (a[i] == a[j]) != (b[i] == b[j])


@pytest.mark.parametrize(("before", "after"), [([0], [0, 1]), ([], [])])
@pytest.mark.parametrize("shift", [shift_per_id, shift_per_position])
def test_another_length_is_refused(before, after, shift) -> None:
    with pytest.raises(InputError, match="texts of as many tokens each"):
        shift(torch.eye(2), before, after)


def test_an_id_without_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="token 9: the embedding has 2 rows"):
        shift_per_position(torch.eye(2), [0], [9])
