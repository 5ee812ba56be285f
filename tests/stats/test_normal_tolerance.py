from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import nct, norm

from corrie.errors import InputError
from corrie.stats.normal_tolerance import NormalDescription, describe, tolerance_factor


def test_about_a_hundred_directions_for_the_papers_claim():
    assert tolerance_factor(100, 0.999, 0.999) == pytest.approx(4.005, abs=1e-3)


@pytest.mark.parametrize("n", [2, 10, 300])
@pytest.mark.parametrize(("fraction", "confidence"), [(0.9, 0.95), (0.999, 0.999), (0.5, 0.9)])
def test_it_is_the_quantile_of_scipys_noncentral_t(n, fraction, confidence):
    expected = nct.ppf(confidence, n - 1, norm.ppf(fraction) * math.sqrt(n)) / math.sqrt(n)
    assert tolerance_factor(n, fraction, confidence) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "fraction"), [(5, 0.9), (30, 0.99)])
def test_for_normal_scores_it_holds_as_often_as_it_says(n, fraction, holds_as_often_as):
    runs = np.random.default_rng(n).normal(0.8, 0.02, (2000, n))
    quantile = 0.8 - 0.02 * norm.ppf(fraction)
    holds_as_often_as(0.95, [describe(x, fraction, 0.95).low <= quantile for x in runs])


def test_for_a_rare_collapse_it_does_not_hold_and_that_is_why_it_never_certifies():
    """0.5 % of directions collapse to 0, so 99.9 % never lie above a positive limit; yet a hundred draws show nothing
    of it with probability 0.61, and then the description is as tight as it is wrong."""
    rng = np.random.default_rng(0)
    runs = np.where(rng.random((500, 100)) < 0.005, 0.0, rng.normal(0.8, 0.01, (500, 100)))
    low = np.array([describe(scores, 0.999, 0.999).low for scores in runs])
    assert (low > 0).all()
    assert (low > 0.7).mean() == pytest.approx(0.995**100, abs=0.07)


def test_the_type_says_what_it_is_not():
    seen = describe([0.8, 0.79, 0.81, 0.8])
    assert isinstance(seen, NormalDescription)
    assert seen.certifies is False
    assert "no certificate" in str(seen)
    with pytest.raises((AttributeError, TypeError)):
        seen.certifies = True  # type: ignore[misc]


def test_what_cannot_be_meant_is_refused():
    for values in ([0.8], [], [0.8, np.nan], np.ones((3, 3))):
        with pytest.raises(InputError):
            describe(values)
    with pytest.raises(InputError):
        tolerance_factor(10, 1.0, 0.9)
    with pytest.raises(InputError):
        tolerance_factor(10, 0.9, 1.0)
