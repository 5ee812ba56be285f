"""The noise of GO is what it says: its law, its independence, and the same whole, in parts and in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
from scipy import special, stats

from corrie.optim.noise import (
    CPU_BLOCK,
    NOISE_CHUNK,
    block_size,
    gaussian_quadruples,
    noise_of_block,
    noise_of_tensor,
    run_lengths,
)

CPU = torch.device("cpu")


def test_the_levels_are_the_gaussian_means_of_equally_likely_bins():
    quadruples = gaussian_quadruples().double().numpy()
    assert quadruples.shape == (65_536, 4)
    for levels in np.sort(quadruples, axis=0).T:
        levels, counts = np.unique(levels, return_counts=True)
        assert len(levels) == 8_192
        assert (counts == 8).all()  # equally likely
        assert np.array_equal(levels, -levels[::-1])
        assert np.mean(levels**4) == pytest.approx(2.9987, abs=1e-4)
        assert np.mean(levels**6) == pytest.approx(14.94, abs=1e-2)
        assert levels[-1] == pytest.approx(3.91, abs=0.01)
        # A slow reference: the mean over a bin by numerical integration.
        for k in (0, 1, 2_500, 4_096, 8_191):
            low, high = stats.norm.ppf([k / 8_192, (k + 1) / 8_192])
            assert levels[k] == pytest.approx(stats.norm.expect(lb=low, ub=high, conditional=True), abs=4e-4)


def test_moments_of_a_quadruple():
    a, b, c, d = (column ** np.arange(4)[:, None] for column in gaussian_quadruples().double().numpy().T)
    first, second = (np.einsum("in,jn->ijn", *two).reshape(16, -1) for two in ((a, b), (c, d)))
    moments = (first @ second.T / first.shape[1]).reshape(4, 4, 4, 4)
    for powers in product(range(4), repeat=4):
        moment = moments[powers]
        if any(power % 2 for power in powers):
            assert abs(moment) < 1e-11, powers
        else:  # powers 0 and 2: products of squares
            order = sum(powers)
            most = {0: 0.0, 2: 1e-7, 4: 1.2e-3, 6: 0.7e-2, 8: 1e-2}[order]
            assert moment == pytest.approx(1.0, abs=most), powers


def test_every_direction_of_four_dimensions_is_as_near_to_the_gaussian_as_stated():
    quadruples = gaussian_quadruples().double().numpy()
    assert np.allclose(quadruples.T @ quadruples / 65_536, np.eye(4), atol=1e-7)
    axes = np.random.default_rng(0).standard_normal((60, 4))
    axes = np.vstack([axes, list(product((-1, 0, 1), repeat=4))[41:]])  # and the symmetric ones
    steps = np.arange(65_537) / 65_536
    for axis in axes / np.linalg.norm(axes, axis=1, keepdims=True):
        shadow = np.sort(quadruples @ axis)
        square = shadow * shadow
        assert np.mean(square * square) == pytest.approx(3.0, rel=1e-3)
        assert np.mean(square * square * square) == pytest.approx(15.0, rel=0.01)
        law = special.ndtr(shadow)
        last = np.append(np.diff(shadow) > 1e-12, True)  # where equal numbers end
        first = np.append(True, last[:-1])
        most = 1e-4 if np.count_nonzero(axis) == 1 else 3e-3
        assert np.abs(law - steps[1:])[last].max() < most
        assert np.abs(law - steps[:-1])[first].max() < most
    length = np.linalg.norm(quadruples, axis=1)
    assert stats.kstest(length, stats.chi(4).cdf).statistic < 6e-3


def test_a_large_sample_passes_as_gaussian():
    noise = noise_of_tensor((1, 0, 0, 0), 400_000, CPU).numpy()
    assert stats.kstest(noise[:50_000], "norm").pvalue > 1e-3
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 4 * np.sqrt(2 / noise.size)
    # The four of a quadruple, neighbours, and numbers from the same 64 bits are not correlated, nor are their
    # squares.
    for lag in (1, 2, 3, 4, 5, 8, 15, NOISE_CHUNK):
        for numbers in (noise, noise**2):
            assert abs(np.corrcoef(numbers[:-lag], numbers[lag:])[0, 1]) < 4 / np.sqrt(noise.size - lag)


@pytest.mark.parametrize("other", [(2, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1)])
def test_seed_replica_draw_and_tensor_each_give_other_noise(other: tuple[int, ...]):
    a, b = noise_of_tensor((1, 0, 0, 0), 100_000, CPU), noise_of_tensor(other, 100_000, CPU)
    assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 4 / np.sqrt(100_000)


def test_blocks_of_one_tensor_differ():
    noise = noise_of_tensor((1, 0, 0, 0), CPU_BLOCK + 70_000, CPU)
    later = noise[CPU_BLOCK:]
    assert abs(float(torch.corrcoef(torch.stack([noise[:70_000], later]))[0, 1])) < 4 / np.sqrt(70_000)


@pytest.mark.parametrize(
    ("begin", "end"),
    [(0, 1), (3, 4), (NOISE_CHUNK - 1, NOISE_CHUNK + 2), (2 * NOISE_CHUNK, 3 * NOISE_CHUNK), (5, 499_999)],
)
def test_a_part_is_the_whole_s_part(begin: int, end: int):
    whole = noise_of_tensor((9, 0, 4, 2), 500_000, CPU)
    parts = [noise.clone() for noise in noise_of_block((9, 0, 4, 2), 500_000, 0, begin, end, CPU)]
    assert [len(part) for part in parts] == run_lengths(0, begin, end, CPU)
    assert torch.equal(torch.cat(parts), whole[begin:end])


@pytest.mark.parametrize(("begin", "end"), [(CPU_BLOCK, CPU_BLOCK + 1), (CPU_BLOCK + 50_000, CPU_BLOCK + 70_000)])
def test_a_part_of_a_later_block(begin: int, end: int):
    numel = CPU_BLOCK + 70_000
    whole = noise_of_tensor((9, 0, 4, 2), numel, CPU)
    parts = [noise.clone() for noise in noise_of_block((9, 0, 4, 2), numel, 1, begin, end, CPU)]
    assert [len(part) for part in parts] == run_lengths(CPU_BLOCK, begin, end, CPU)
    assert torch.equal(torch.cat(parts), whole[begin:end])


def test_the_noise_of_a_short_tensor_begins_that_of_a_long_one():
    """So a tensor cut into shards of any size draws the same numbers."""
    assert torch.equal(noise_of_tensor((0,), 10, CPU), noise_of_tensor((0,), 70_001, CPU)[:10])


def test_threads_do_not_write_over_each_other_s_noise():
    keys = [(0, 0, 0, tensor) for tensor in range(8)]
    alone = [noise_of_tensor(key, 300_000, CPU) for key in keys]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda key: noise_of_tensor(key, 300_000, CPU), keys * 4))
    assert all(torch.equal(noise, alone[i % 8]) for i, noise in enumerate(together))


def test_noise_is_drawn_from_a_thread_that_began_in_inference_mode():
    def draw() -> torch.Tensor:
        with torch.inference_mode():
            noise_of_tensor((0,), 10, CPU)
        return noise_of_tensor((0,), 10, CPU)

    with ThreadPoolExecutor(1) as pool:
        assert torch.equal(pool.submit(draw).result(), noise_of_tensor((0,), 10, CPU))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_another_device_draws_by_itself():
    device = torch.device("cuda")
    size = block_size(device)
    whole = noise_of_tensor((0, 0, 0, 0), size + 10, device)
    assert abs(float(whole.mean())) < 4 / np.sqrt(size)
    assert abs(float(whole.var()) - 1) < 4 * np.sqrt(2 / size)
    (part,) = noise_of_block((0, 0, 0, 0), size + 10, 0, 100, 200, device)
    assert torch.equal(part, whole[100:200])
