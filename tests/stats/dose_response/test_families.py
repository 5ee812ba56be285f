"""Three shapes with the same middle and width."""

import numpy as np
import pytest
from scipy import stats

from corrie.stats.dose_response.families import FAMILIES, LOGISTIC, WEIBULL, broken

Z = np.linspace(-3, 3, 25)


@pytest.mark.parametrize(
    "known",
    [
        stats.norm.cdf(Z),
        stats.logistic.cdf(Z, scale=1 / LOGISTIC),
        stats.weibull_min.cdf(np.exp(Z), WEIBULL, scale=np.log(2) ** (-1 / WEIBULL)),
    ],
    ids=FAMILIES,
)
def test_each_is_the_distribution_of_its_name(known: np.ndarray, request: pytest.FixtureRequest) -> None:
    number = FAMILIES.index(request.node.callspec.id)
    assert broken(np.array([number]), Z[None])[0] == pytest.approx(known)


def test_half_is_broken_in_the_middle_and_the_same_distance_lies_between_the_sixths() -> None:
    fine = np.linspace(-4, 4, 80_001)
    for number in range(len(FAMILIES)):
        share = broken(np.array([number]), fine[None])[0]
        low, middle, high = np.interp(stats.norm.cdf([-1, 0, 1]), share, fine)
        assert middle == pytest.approx(0, abs=1e-4)
        assert high - low == pytest.approx(2, abs=1e-3)


def test_far_away_nothing_overflows() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert broken(np.array([2]), np.array([[-1e6, 1e6]])).tolist() == [[0.0, 1.0]]
