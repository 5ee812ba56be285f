import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from corrie.errors import InputError
from corrie.stats.rank_test import MOST_CHOICES, rank_sum


@pytest.mark.parametrize("seed", range(5))
def test_without_ties_it_is_scipy_s_exact_test(seed: int) -> None:
    dice = np.random.default_rng(seed)
    one, two = dice.normal(size=7), dice.normal(0.8, size=5)
    assert rank_sum(one, two) == pytest.approx(mannwhitneyu(one, two, method="exact").pvalue)


def test_only_the_order_counts_and_infinity_is_a_value() -> None:
    assert rank_sum([1, 2, np.inf], [3, np.inf]) == rank_sum([10, 20, 50], [30, 50])


def test_ties_all_over() -> None:
    assert rank_sum([np.inf] * 8, [np.inf] * 8) == 1.0


def test_many_values_are_drawn_and_never_0() -> None:
    p = rank_sum(range(20), range(100, 120))
    assert p == pytest.approx(1 / (1 + MOST_CHOICES))
    assert rank_sum(range(20), range(20)) == 1.0


def test_a_true_null_with_ties_is_rejected_as_rarely_as_it_says() -> None:
    dice = np.random.default_rng(0)
    p = np.array([rank_sum(dice.integers(0, 4, 5), dice.integers(0, 4, 5)) for _ in range(1000)])
    for error in (0.05, 0.2):
        assert (p <= error).mean() <= error + 3 * (error * (1 - error) / 1000) ** 0.5


def test_no_values() -> None:
    with pytest.raises(InputError):
        rank_sum([], [1])
    with pytest.raises(InputError):
        rank_sum([np.nan], [1])
