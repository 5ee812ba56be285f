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


def pytest_collection() -> None:
    """While modules are loaded hardly anything becomes garbage: to look for it takes a fifth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Modules and collected tests stay until the end: no garbage collection need walk through them again.

    Statsmodels collects in every call, and a full walk through what transformers loads takes a third of a second. The
    youngest objects are looked at every 20,000 and not every 700: records come by the thousand, and stay.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 50, 10)


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
