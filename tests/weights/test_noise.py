"""The noise law: its test vectors, its distribution, its independence of everything but (seed, name, index)."""

import hashlib
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from corrie.weights import noise
from corrie.weights.kernel import Kernel
from corrie.weights.noise import box_muller, gaussian_noise, philox_key, plain_noise


def test_the_words_are_philox_4x64_10() -> None:
    """Known-answer vector of Random123 (philox4x64 with 10 rounds, all-ones counter and key)."""
    ones = np.full(2, 2**64 - 1, dtype=np.uint64)
    counter = np.full(4, 2**64 - 1, dtype=np.uint64)
    counter[0] -= np.uint64(1)  # numpy advances the counter before it draws
    words = np.random.Philox(key=ones, counter=counter).random_raw(4)
    assert [hex(w) for w in words] == [
        "0x87b092c3013fe90b",
        "0x438c3c67be8d0224",
        "0x9cc7d7c69cd777b6",
        "0xa09caebf594f0ba0",
    ]


def test_the_law_is_what_its_text_says() -> None:
    """A slow reading of the four steps, with the library's logarithm, sine and cosine."""
    seed, name, size = 11, "model.layers.0.mlp.up_proj.weight", 1001
    digest = hashlib.sha256(b"corrie philox-1\0" + seed.to_bytes(8, "little") + name.encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8")
    assert tuple(int(k) for k in key) == philox_key(seed, name)
    words = [int(w) for w in np.random.Philox(key=key).random_raw(size + 1)]
    expected = np.empty(size + 1, dtype=np.longdouble)
    for pair in range((size + 1) // 2):
        first, second = words[2 * pair], words[2 * pair + 1]
        radius = np.sqrt(-2 * np.log(np.longdouble((first >> 11) + 1) * np.longdouble(2) ** -53))
        angle = np.longdouble(np.pi) * (np.longdouble(second >> 11) * np.longdouble(2) ** -53 - np.longdouble(0.5))
        sign = -1 if second & 1 else 1
        expected[2 * pair] = sign * radius * np.cos(angle)
        expected[2 * pair + 1] = sign * radius * np.sin(angle)
    drawn = gaussian_noise(seed, name, size)
    np.testing.assert_allclose(drawn, expected[:size].astype(np.float64), rtol=6.1e-8, atol=1e-9)


def test_frozen_numbers() -> None:
    """If these change, every direction that anybody ever recorded has changed: make a new law instead."""
    drawn = gaussian_noise(0, "model.embed_tokens.weight", 100_003)
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "a1c6ce92171c6061"


@pytest.mark.parametrize("word", [0, 2**11 - 1, 2**11, 2**64 - 1])
def test_the_extreme_words_give_numbers(word: int) -> None:
    drawn = box_muller(np.array([word, word, word, 2**63], dtype=np.uint64))
    assert np.isfinite(drawn).all()
    assert abs(drawn).max() < 8.58
    if word < 2**11:
        assert abs(drawn).max() > 8.57


def test_it_is_gaussian() -> None:
    drawn = gaussian_noise(5, "w", 4_000_000).astype(np.float64)
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(drawn.mean()) < 4 / np.sqrt(len(drawn))
    assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / len(drawn))
    beyond = (abs(drawn) > 4.5).sum()
    assert stats.binomtest(int(beyond), len(drawn), 2 * stats.norm.sf(4.5)).pvalue > 1e-3


def test_the_two_numbers_of_a_pair_are_independent() -> None:
    drawn = gaussian_noise(5, "pairs", 2_000_000).reshape(-1, 2)
    for a, b in [(drawn[:, 0], drawn[:, 1]), (drawn[:, 0] ** 2, drawn[:, 1] ** 2), (drawn[:-1, 1], drawn[1:, 0])]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(len(a))


@pytest.mark.parametrize("other", [(7, "layers.1.weight"), (8, "layers.0.weight")])
def test_equal_shapes_get_uncorrelated_noise(other: tuple[int, str]) -> None:
    size = 1_000_000
    one, two = gaussian_noise(7, "layers.0.weight", size), gaussian_noise(*other, size)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(size)
    assert not np.isin(one[:1000], two[:1000]).any()


@settings(deadline=None, max_examples=60)
@given(start=st.integers(0, 70_000), size=st.integers(0, 70_000))
def test_any_range_is_looked_up_alone(start: int, size: int) -> None:
    whole = gaussian_noise(3, "w", 140_000)
    assert (gaussian_noise(3, "w", size, start) == whole[start : start + size]).all()


@pytest.mark.parametrize("draw", [gaussian_noise, plain_noise])
def test_threads_do_not_matter(draw: Callable[..., NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor large enough to be drawn by several threads equals its parts drawn one by one."""
    size = 1_000_001
    parts = [plain_noise(1, "large", min(30_000, size - s), s) for s in range(0, size, 30_000)]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert (draw(1, "large", size) == np.concatenate(parts)).all()


@pytest.mark.parametrize("start", [0, 1, 1026, 2**40 + 3])
def test_the_compiled_loop_draws_the_same_bits(start: int) -> None:
    if noise._compiled() is None:
        pytest.skip("no C compiler")
    size = 3_000_001 if start == 1 else 70_001
    assert gaussian_noise(2, "w", size, start).tobytes() == plain_noise(2, "w", size, start).tobytes()


@pytest.mark.parametrize("size", [0, 1, 2, 33])
def test_once_it_is_there_it_draws_small_tensors_too(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if noise._compiled() is None:
        pytest.skip("no C compiler")
    expected = plain_noise(2, "w", size, 3).tobytes()
    monkeypatch.setattr(noise, "plain_noise", lambda *_: np.empty(0, np.float32))
    assert gaussian_noise(2, "w", size, 3).tobytes() == expected


def test_a_loop_that_draws_other_bits_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    by = noise._compiled()
    if by is None:
        pytest.skip("no C compiler")

    class OneBitOff(Kernel):
        def __init__(self) -> None:
            pass

        def noise(self, constants, key, start, out, threads):  # type: ignore[no-untyped-def]
            by.noise(constants, key, start, out, threads)
            out.view(np.uint32)[-1] ^= 1

    monkeypatch.setattr(noise, "kernel", OneBitOff)
    assert noise._compiled.__wrapped__() is None


def test_no_global_generator_is_touched() -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    gaussian_noise(0, "w", 100_000)
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert before == after
