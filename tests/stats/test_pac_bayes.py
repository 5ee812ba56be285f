from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, ndtr, xlogy

from corrie.errors import InputError
from corrie.stats.kl import divergence
from corrie.stats.pac_bayes import budget, lower_limit, upper_limit


def test_the_moment_that_the_proof_uses_is_at_most_2_root_n():
    """ξ(n) = Σ_k C(n,k) (k/n)^k (1−k/n)^(n−k), the largest E exp(n kl(Ĵ‖J)), attained for every J in (0, 1)."""
    for n in [*range(1, 60), 500, 10_000]:
        k = np.arange(n + 1)
        logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, k / n) + xlogy(n - k, 1 - k / n)
        assert np.exp(logs).sum() <= 2 * math.sqrt(n) * (1 + 1e-9)


def test_the_divergence_of_the_gaussians_is_half_the_squared_ratio():
    rng = np.random.default_rng(0)
    here, there, sigma = np.zeros(4), np.array([1.0, -0.5, 0.2, 0.0]), 0.7
    x = there + sigma * rng.normal(size=(400_000, 4))
    log_ratio = (((x - here) ** 2).sum(1) - ((x - there) ** 2).sum(1)) / (2 * sigma**2)
    ratio = float(np.linalg.norm(there)) / sigma
    nats = budget(1, ratio, 0.5) - budget(1, 0.0, 0.5)
    assert nats == pytest.approx(log_ratio.mean(), rel=0.01)
    assert nats == pytest.approx(ratio**2 / 2)


@pytest.mark.parametrize("n", [10, 50])
def test_it_holds_as_often_as_it_says_for_weights_that_saw_the_examples(n, holds_as_often_as):
    """One weight θ; an example y is answered if |θ − y| ≤ 1; the posterior is centred on the mean of the examples."""
    rng = np.random.default_rng(n)
    examples = rng.normal(0.5, 1.0, (2000, n))
    centre = examples.mean(1)
    # smoothed success of an example at distance t from the centre, σ = 1; and over the population, y − θ ~ N(., 2)
    empirical = (ndtr(examples - centre[:, None] + 1) - ndtr(examples - centre[:, None] - 1)).mean(1)
    population = ndtr((0.5 - centre + 1) / math.sqrt(2)) - ndtr((0.5 - centre - 1) / math.sqrt(2))
    low = [lower_limit(e, n, abs(c), 0.8) for e, c in zip(empirical, centre, strict=True)]
    high = [upper_limit(e, n, abs(c), 0.8) for e, c in zip(empirical, centre, strict=True)]
    holds_as_often_as(0.8, (low <= population) & (population <= np.array(high)))


@given(st.floats(0, 1), st.integers(1, 5000), st.floats(0, 10), st.floats(0.5, 0.999))
def test_laws(score, n, ratio, confidence):
    low, high = lower_limit(score, n, ratio, confidence), upper_limit(score, n, ratio, confidence)
    assert 0 <= low <= score <= high <= 1
    assert lower_limit(score, n, ratio + 1, confidence) <= low
    assert lower_limit(score, 4 * n, ratio, confidence) >= low
    assert lower_limit(score, n, ratio, confidence, choices=10) <= low
    if 0 < low < score:
        assert divergence(score, low) == pytest.approx(budget(n, ratio, confidence), rel=1e-6, abs=1e-9)


def test_it_is_the_formula():
    assert budget(1000, 2.0, 0.95) == pytest.approx((2.0 + math.log(2 * math.sqrt(1000) / 0.05)) / 1000)
    assert budget(1000, 2.0, 0.95, choices=3) == pytest.approx(budget(1000, 2.0, 1 - 0.05 / 3))


def test_what_cannot_be_meant_is_refused():
    for arguments in ((1.1, 10, 1.0), (0.5, 0, 1.0), (0.5, 10, -1.0), (0.5, 10, 1.0, 1.0), (0.5, 10, 1.0, 0.9, 0)):
        with pytest.raises(InputError):
            lower_limit(*arguments)
        with pytest.raises(InputError):
            upper_limit(*arguments)
