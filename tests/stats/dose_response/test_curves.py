"""Both strata and the net of them."""

import numpy as np
import pytest

from corrie.stats.dose_response import prior
from corrie.stats.dose_response.curves import STEPS, Curves

PLACES = np.linspace(-8, -2, 30)


def test_the_retained_share_is_the_one_the_strata_give() -> None:
    """R = (J0 A + (1 − J0) B − c)/(J0 − c), the definition, against the closed form."""
    rng = np.random.default_rng(0)
    curves = prior.draw(200, -6.0, -3.0, 0.25, rng)
    score = rng.uniform(0.4, 0.9, 200)
    wrong, right = np.moveaxis(curves.strata(PLACES), -1, 0)
    mean = score[:, None] * right + (1 - score[:, None]) * wrong
    assert curves.retained(PLACES, score) == pytest.approx((mean - 0.25) / (score[:, None] - 0.25))


def test_a_share_that_breaks_early_is_a_mixture_of_two_cliffs() -> None:
    place, gap, share = -4.0, 1.5, 0.3
    values = np.array([[place, np.log(0.2), np.log(gap), np.log(0.2), np.log(share / (1 - share)), 0.0]])
    both = Curves(np.array([0]), np.array([STEPS.index("early")]), values, 0.2)
    from scipy.special import ndtr

    late, early = (1 - ndtr((PLACES - m) / 0.2) for m in (place, place - gap))
    # beyond the late cliff nothing is left; before it a share has gone early
    assert both.retained(PLACES, np.array([0.7]))[0] == pytest.approx(late * (1 - share * (1 - early)))


def test_a_churn_that_cancels_leaves_the_score_where_it_is() -> None:
    def logit(p: float) -> float:
        return float(np.log(p / (1 - p)))

    score, lose = np.array([0.6]), 0.1
    gain = 0.6 * lose / 0.4
    values = np.array([[0.0, np.log(0.2), np.log(3.0), np.log(0.2), logit(lose), logit(gain)]])
    curves = Curves(np.array([0]), np.array([STEPS.index("churn")]), values, 0.25)
    middle = np.array([-1.5])
    assert curves.retained(middle, score)[0] == pytest.approx(1.0, abs=1e-6)
    wrong, right = curves.strata(middle)[0, 0]
    assert (1 - right, wrong) == (pytest.approx(lose, abs=1e-6), pytest.approx(gain, abs=1e-6))


def test_the_net_of_an_early_step_is_what_its_plateau_loses() -> None:
    """Between an early step and a far cliff, R is 1 − κ."""
    curves = prior.draw(50, -6.0, -3.0, 0.25, np.random.default_rng(1))
    score = np.full(50, 0.7)
    curves.values[:, 0], curves.values[:, 1:4] = 100.0, np.log([0.1, 50.0, 0.1])
    assert curves.retained(np.array([75.0]), score)[:, 0] == pytest.approx(
        1 - np.where(curves.step, curves.net(score), 0)
    )
