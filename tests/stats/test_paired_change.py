from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as reference

from corrie.errors import InputError
from corrie.stats.paired_change import mcnemar


def scores(worse: int, better: int, same: int = 20) -> tuple[list[float], list[float]]:
    return [1.0] * worse + [0.0] * better + [1.0] * same, [0.0] * worse + [1.0] * better + [1.0] * same


@pytest.mark.parametrize(("worse", "better"), [(0, 0), (5, 1), (1, 5), (7, 7), (30, 12), (1, 0)])
def test_it_is_the_exact_test_of_statsmodels(worse, better):
    found = mcnemar(*scores(worse, better))
    assert (found.worse, found.better, found.examples) == (worse, better, worse + better + 20)
    assert found.p_changed == pytest.approx(reference([[20, worse], [better, 0]], exact=True).pvalue)
    if worse + better:
        expected = binomtest(worse, worse + better, 0.5, alternative="greater").pvalue
        assert found.p_worse == pytest.approx(expected)


def test_no_change_is_rarely_called_one(holds_as_often_as):
    rng = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        before = (rng.random(60) < 0.7) * 1.0
        after = np.where(rng.random(60) < 0.3, (rng.random(60) < 0.7) * 1.0, before)
        found = mcnemar(before, after)
        held.append((found.p_changed > 0.05, found.p_worse > 0.05))
    holds_as_often_as(0.95, np.array(held)[:, 0])
    holds_as_often_as(0.95, np.array(held)[:, 1])


def test_unscored_examples_are_left_out():
    assert mcnemar([1.0, np.nan, 1.0], [0.0, 0.0, np.nan]).examples == 1


def test_what_cannot_be_meant_is_refused():
    for before, after in (([1.0], [1.0, 0.0]), ([0.5], [1.0]), ([np.nan], [1.0]), ([2.0], [1.0])):
        with pytest.raises(InputError):
            mcnemar(before, after)
