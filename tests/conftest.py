"""What every test of a guarantee asks: does it hold as often as it says? And what is worked out once for all tests."""

from __future__ import annotations

import gc
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import ArrayLike

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""


def pytest_configure() -> None:
    """Temporary folders lie in memory where it has room: on a disk every acknowledged cell waits for it."""
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    memory = os.statvfs(MEMORY)
    if memory.f_bavail * memory.f_frsize >= 4 * 2**30 and not memory.f_flag & os.ST_NOEXEC:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


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
    if forks := sys.modules.get("tests.forks"):
        forks.keep_one()
    gc.enable()
    gc.set_threshold(20_000, 50, 10)


def pytest_unconfigure() -> None:
    """The process that was kept goes with this one, in which nothing is looked for once more as it ends: that takes two
    seconds."""
    if forks := sys.modules.get("tests.forks"):
        forks.let_go()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def numbers_are_drawn_by_the_compiled_loop() -> None:
    """Those of small tensors too, as wherever a large one was drawn before."""
    if noise := sys.modules.get("corrie.weights.noise"):
        noise._compiled()


_FITS: dict[tuple[Any, ...], Any] = {}
"""The curves of every task that was fitted."""


@pytest.fixture(scope="module", autouse=True)
def every_curve_is_fitted_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """The fit is a function of its numbers: here once for the same ones (but tests/stats fits as often as it likes)."""
    if "corrie.analysis.basin" not in sys.modules or Path(__file__).parent / "stats" in request.path.parents:
        yield
        return
    import corrie.stats.dose_response as curves

    fit = curves.dose_response

    def fitted(blocks: curves.ScoredBlocks, **terms: Any) -> curves.DoseResponse:
        columns = (blocks.log_sigma, blocks.direction, blocks.example, blocks.before, blocks.after)
        asked = (*(np.ascontiguousarray(c).tobytes() for c in columns), *sorted(terms.items()))
        if asked not in _FITS:
            _FITS[asked] = fit(blocks, **terms)
        return _FITS[asked]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(curves, "dose_response", fitted)
        yield


_ENGINES: dict[tuple[str, ...], Any] = {}
"""What serves each model that was asked."""
ASKED_ANEW = {Path(__file__).parent / "models" / f"test_{name}.py" for name in ("engine", "reader")}
"""Where it is tested how a model is asked."""


@pytest.fixture(scope="module", autouse=True)
def every_model_is_asked_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Which engine serves a model is asked of the model, in some thirty passes: here once for the same weights (but
    where that is tested it is asked as often as it likes)."""
    if "corrie.models.model" not in sys.modules or request.path in ASKED_ANEW:
        yield
        return
    from corrie.models.engine import Engine, choose_engine
    from corrie.weights.fingerprint import model_fingerprint

    def choose(module: Any) -> Engine:
        precision, attention = str(next(module.parameters()).dtype), getattr(module.config, "_attn_implementation", "")
        words = (type(module).__name__, precision, str(attention), module.config.to_json_string())
        asked = (*words, model_fingerprint(module))
        if asked not in _ENGINES:
            _ENGINES[asked] = choose_engine(module)
        return _ENGINES[asked]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("corrie.models.model.choose_engine", choose)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_reading_is_kept() -> Iterator[None]:
    """Every verb reads the run that it ends, for the first look: here only where that is tested."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("corrie.reporting.kept_reading.kinds_of_others", lambda: True)
        yield


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
