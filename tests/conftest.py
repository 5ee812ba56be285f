"""What every test of a guarantee asks: does it hold as often as it says?"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import ArrayLike

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Thousands of simulated runs are a tier of their own, whoever asks for them."""
    for item in items:
        if "holds_as_often_as" in getattr(item, "fixturenames", ()):
            item.add_marker("coverage")


def pytest_collection_finish() -> None:
    """Modules and collected tests stay until the end: no garbage collection need walk through them again.

    Statsmodels collects in every call, and a full walk through what transformers loads takes a third of a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def holds_as_often_as() -> Callable[[float, ArrayLike], None]:
    """``check(confidence, held)``: of at least 2,000 simulated runs, not fewer held than the confidence says, by more
    than three binomial standard errors."""

    def check(confidence: float, held: ArrayLike) -> None:
        held = np.asarray(held, bool)
        assert held.size >= 2000
        error = math.sqrt(confidence * (1 - confidence) / held.size)
        assert held.mean() >= confidence - 3 * error, f"{held.mean():.4f} of {held.size} runs, asked {confidence}"

    return check
