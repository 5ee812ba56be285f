from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests

from corrie.errors import InputError
from corrie.stats.multiplicity import bonferroni, holm, shared_confidence


@pytest.fixture(scope="module", autouse=True)
def little_garbage_to_look_for():
    """Statsmodels collects in every call."""
    gc.collect()
    gc.freeze()


p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@settings(max_examples=15, deadline=None)
@given(p_values)
def test_they_are_those_of_statsmodels(p):
    assert bonferroni(p) == pytest.approx(multipletests(p, method="bonferroni")[1])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@given(p_values)
def test_holm_is_never_weaker_and_keeps_the_order(p):
    adjusted = holm(p)
    assert (adjusted <= bonferroni(p)).all()
    assert (adjusted >= np.asarray(p)).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("adjust", [bonferroni, holm])
def test_no_true_hypothesis_is_rejected_as_often_as_they_say(adjust, holds_as_often_as):
    """Five true hypotheses beside three false ones, all tests correlated."""
    rng = np.random.default_rng(8)
    shared = rng.normal(size=(4000, 1))
    z = (shared + rng.normal(size=(4000, 8))) / np.sqrt(2) - np.array([0.0] * 5 + [4.0] * 3)
    p = ndtr(z)
    holds_as_often_as(0.95, [(adjust(row)[:5] > 0.05).all() for row in p])


def test_shared_confidence():
    assert shared_confidence(0.99, 1) == pytest.approx(0.99)
    assert shared_confidence(0.9, 100) == pytest.approx(0.999)


def test_what_cannot_be_meant_is_refused():
    for bad in ([], [1.2], [[0.1, 0.2]], [np.nan]):
        with pytest.raises(InputError):
            holm(bad)
        with pytest.raises(InputError):
            bonferroni(bad)
    with pytest.raises(InputError):
        shared_confidence(0.9, 0)
