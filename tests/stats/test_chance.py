from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from corrie.errors import InputError
from corrie.stats.chance import above_chance, examples_to_see


@pytest.mark.parametrize("chance", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_for_0_1_scores_it_is_the_exact_binomial_test(chance, confidence):
    for successes in range(61):
        scores = [1] * successes + [0] * (60 - successes)
        expected = binomtest(successes, 60, chance, alternative="greater").pvalue <= 1 - confidence
        assert above_chance(scores, chance, confidence) == expected


@pytest.mark.parametrize("draw", ["0-1", "running text"])
def test_a_score_at_chance_is_rarely_told_from_it(draw, holds_as_often_as):
    rng = np.random.default_rng(1)
    tokens = 1 if draw == "0-1" else 8
    scores = rng.binomial(tokens, 0.25, (2000, 80)) / tokens
    holds_as_often_as(0.95, [not above_chance(row, 0.25) for row in scores])


def test_a_clear_score_of_running_text_is_told_from_chance():
    rng = np.random.default_rng(1)
    assert above_chance(rng.binomial(8, 0.5, 80) / 8, 0.25)


def test_where_chance_is_nothing_any_success_settles_it():
    assert above_chance([0.0] * 99 + [0.01], 0.0)
    assert not above_chance([0.0] * 100, 0.0)


def test_what_cannot_be_meant_is_refused():
    for scores, chance, confidence in [([], 0.1, 0.95), ([0.5], 1.0, 0.95), ([2.0], 0.1, 0.95), ([0.5], 0.1, 1.0)]:
        with pytest.raises(InputError):
            above_chance(scores, chance, confidence)


def test_so_many_examples_show_a_score_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    for score, chance in ((0.32, 0.25), (0.17, 0.1), (0.6, 0.5)):
        examples = examples_to_see(score, chance)
        assert examples is not None
        found = [above_chance(row, chance) for row in (rng.random((400, examples)) < score).astype(float)]
        assert 0.84 < np.mean(found) < 0.95
    assert examples_to_see(0.25, 0.25) is None
    assert examples_to_see(0.01, 0.0) is not None
