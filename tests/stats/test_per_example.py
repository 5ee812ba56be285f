from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from corrie.errors import InputError
from corrie.stats import clopper_pearson, gaussian_shift
from corrie.stats.per_example import PerExample

OFFSETS = np.array([-0.5, 0.5, 1.5, 3.0])


def test_all_examples_hold_together_as_often_as_it_says(holds_as_often_as):
    """Four half-spaces on a line, all judged on the same draws: their limits fail together or not at all."""
    rng = np.random.default_rng(3)
    held = []
    for _ in range(2000):
        outcomes = (rng.normal(size=(60, 1)) <= OFFSETS) * 1.0
        safe = PerExample.of(outcomes, 0.9)
        held.append(all((gaussian_shift.lower(safe.low, r) <= norm.cdf(OFFSETS - r)).all() for r in (0.0, 1.0, 2.0)))
    holds_as_often_as(0.9, held)


def test_it_is_clopper_and_pearson_for_each_with_the_error_shared():
    outcomes = (np.random.default_rng(1).random((100, 5)) < 0.9) * 1.0
    found = PerExample.of(outcomes, 0.95)
    expected = [clopper_pearson.lower_limit(int(k), 100, 0.99) for k in outcomes.sum(0)]
    assert found.low == pytest.approx(expected)
    assert found.lower(1.0) == pytest.approx(float(gaussian_shift.lower(expected, 1.0).mean()))


def test_safe_examples_become_fewer_with_the_distance():
    outcomes = (np.random.default_rng(2).normal(size=(400, 1)) <= OFFSETS) * 1.0
    found = PerExample.of(outcomes, 0.95)
    safe = [np.array(found.safe(r)) for r in (0.0, 1.0, 2.0, 4.0)]
    assert all((later <= earlier).all() for earlier, later in pairwise(safe))
    assert safe[0].tolist() == [False, True, True, True]
    assert not safe[-1].any()
    assert "3 of 4 examples" in str(found)


@pytest.mark.parametrize("outcomes", [[1, 0, 1], [[]], [[0.5, 1.0]], [[1.0, np.nan]]])
def test_what_is_no_table_of_outcomes_is_refused(outcomes):
    with pytest.raises(InputError):
        PerExample.of(outcomes)
