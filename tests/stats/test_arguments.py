from __future__ import annotations

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats import arguments


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.1, 1.1, 95, float("nan")])
def test_a_confidence_outside_0_1_is_refused(confidence):
    with pytest.raises(InputError, match="strictly between 0 and 1"):
        arguments.error_of(confidence)


def test_a_table_is_refused_with_the_reason():
    with pytest.raises(InputError, match="what shares a draw is not independent"):
        arguments.independent_values(np.ones((3, 4)))


@pytest.mark.parametrize("values", [[], [0.5, np.nan], [1.0, 1.0001], [-0.1]])
def test_values_that_are_no_scores_are_refused(values):
    with pytest.raises(InputError):
        arguments.independent_values(values)


@pytest.mark.parametrize("count", [1.5, -1, float("nan"), float("inf")])
def test_what_is_no_count_is_refused(count):
    with pytest.raises(InputError):
        arguments.whole(count, "draws")


def test_sigma_must_be_positive():
    for sigma in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="not above 0"):
            arguments.positive(sigma, "sigma")


def test_shares_and_distances():
    assert arguments.share(1, "score") == 1.0
    for bad in (-0.01, 1.01, float("nan")):
        with pytest.raises(InputError):
            arguments.share(bad, "score")
        with pytest.raises(InputError):
            arguments.shares([0.5, bad], "scores")
    with pytest.raises(InputError):
        arguments.not_negative([1.0, -1.0], "distances")
