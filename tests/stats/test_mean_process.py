"""Evidence about a mean at any time: against a sum written out, and by how often it errs at any look."""

import math

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.mean_process import STAKES, log_e_values, lower_limit, p_value


def test_it_is_the_mixture_of_products() -> None:
    values = [0.3, -0.5, 1.0, 0.0]
    for n in range(1, 5):
        products = [math.prod(1 + w * (x - 0.1) / 1.1 for x in values[:n]) for w in STAKES]
        assert log_e_values(values, 0.1, -1.0)[n - 1] == pytest.approx(math.log(sum(products) / len(products)))


def test_the_order_matters_for_the_looks_but_not_for_the_last() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 30)
    there, back = log_e_values(values, 0.0, -1.0), log_e_values(values[::-1], 0.0, -1.0)
    assert there[-1] == pytest.approx(back[-1])


def test_at_the_mean_itself_its_expectation_is_one() -> None:
    """Three values of -1 or 1 with equal probability: all eight sequences."""
    every = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    assert np.mean([np.exp(log_e_values(v, 0.0, -1.0)[-1]) for v in every]) == pytest.approx(1.0)


def test_the_limit_is_where_the_evidence_is_enough() -> None:
    values = np.random.default_rng(1).uniform(0, 1, 100)
    limit = lower_limit(values, 0.0, 1.0, 0.95)
    assert p_value(values, limit - 1e-6, 0.0) <= 0.05 <= p_value(values, limit + 1e-6, 0.0)
    assert lower_limit([], -1.0, 1.0) == -1.0


def test_it_errs_at_any_look_as_rarely_as_it_says() -> None:
    dice, runs = np.random.default_rng(2), 400
    wrong = sum(p_value(dice.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.8, 0.1]), 0.0, -1.0) <= 0.1 for _ in range(runs))
    assert wrong / runs <= 0.1 + 3 * (0.09 / runs) ** 0.5


@pytest.mark.parametrize("values", [[-2.0], [float("nan")], [[0.0]]])
def test_values_that_are_not_valid(values: list) -> None:
    with pytest.raises(InputError):
        log_e_values(values, 0.0, -1.0)


def test_a_mean_that_cannot_be_tested() -> None:
    with pytest.raises(InputError, match="no value can be below"):
        log_e_values([0.0], -1.0, -1.0)
