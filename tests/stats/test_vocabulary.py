"""The floor's public names, and what it must not need."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

from corrie import stats


def test_all_is_sorted_and_there():
    assert list(stats.__all__) == sorted(stats.__all__)
    for name in stats.__all__:
        assert getattr(stats, name) is not None


def test_every_public_name_says_what_it_is():
    for name in stats.__all__:
        assert inspect.getdoc(getattr(stats, name)), name


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("clopper_pearson", ["successes", "draws", "confidence"]),
        ("fraction_process", ["successes", "draws", "confidence"]),
        ("hoeffding", ["values", "confidence", "anytime"]),
        ("empirical_bernstein", ["values", "confidence", "anytime"]),
        ("betting", ["values", "confidence", "anytime"]),
    ],
)
def test_siblings_share_their_names(module, first):
    for name in ("lower_limit", "upper_limit"):
        limit = getattr(importlib.import_module(f"corrie.stats.{module}"), name)
        parameters = inspect.signature(limit).parameters
        assert list(parameters) == first
        assert parameters["confidence"].default == 0.95


def test_it_needs_no_torch():
    code = "import corrie.stats, sys; sys.exit(any(m.split('.')[0] in {'torch', 'transformers'} for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
