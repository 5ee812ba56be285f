"""The compiled loops: made once, kept safely, and done without where they cannot be had."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from corrie.weights import kernel as module
from corrie.weights.kernel import kernel

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kernels are compiled on POSIX systems only")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path))
    monkeypatch.delenv("CORRIE_COMPILE", raising=False)
    kernel.cache_clear()
    yield tmp_path
    kernel.cache_clear()


def _write_command(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_it_is_made_once_and_then_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    made = kernel()
    assert made is not None
    (kept,) = (cache / "kernel").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("CC", _write_command(cache / "broken", "exit 1"))
    kernel.cache_clear()
    again = kernel()
    assert again is not None
    live = np.zeros(3, dtype=np.float32)
    base, delta = np.float32([1, 2, 3]), np.float32([4, 5, 6])
    place = [a.ctypes.data for a in (base, live)] + [3, delta.ctypes.data]
    sums = again.write(np.array([place], dtype=np.uint64), np.float32([0.5]), threads=4)
    assert live.tolist() == [3.0, 4.5, 6.0]
    assert sums.tolist() == [[19.25, 19.25, 19.25]]
    kept.chmod(0o722)  # anybody may have put something else there by now
    kernel.cache_clear()
    assert kernel() is None


@pytest.mark.parametrize("text", ["exit 1", 'echo "not a program" > "$(echo "$@" | sed "s/.*-o //; s/ .*//")"'])
def test_a_compiler_that_fails_is_done_without(cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CC", _write_command(cache / "cc", text))
    assert kernel() is None


def test_no_compiler(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert kernel() is None


def test_a_compiler_that_never_ends(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", _write_command(cache / "cc", "exec sleep 60"))
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    assert kernel() is None


def test_a_cache_that_cannot_be_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "kernel").write_text("a file where the folder should be")
    assert kernel() is None


def test_the_compiler_is_left_alone_when_asked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIE_COMPILE", "0")
    assert kernel() is None
    assert not list(cache.iterdir())
