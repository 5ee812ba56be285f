"""The noise of GO is what it says: its law, its independence, and the same whole, in parts and in threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from corrie.optim.noise import (
    CHUNK,
    CPU_BLOCK,
    block_size,
    gaussian_pairs,
    noise_of_block,
    noise_of_tensor,
    run_lengths,
)

CPU = torch.device("cpu")


def test_the_levels_are_the_gaussian_means_of_equally_likely_bins():
    pairs = gaussian_pairs().double().numpy()
    assert pairs.shape == (65_536, 2)
    for levels in np.sort(pairs, axis=0).T:
        assert np.array_equal(levels[::2], levels[1::2])  # each level twice: equally likely
        levels = levels[::2]
        assert np.array_equal(levels, -levels[::-1])
        assert np.mean(levels**4) == pytest.approx(2.9997, abs=1e-4)
        assert np.mean(levels**6) == pytest.approx(14.98, abs=1e-2)
        assert levels[-1] == pytest.approx(4.23, abs=0.01)
        # A slow reference: the mean over a bin by numerical integration.
        for k in (0, 1, 10_000, 16_384, 32_767):
            low, high = stats.norm.ppf([k / 32_768, (k + 1) / 32_768])
            assert levels[k] == pytest.approx(stats.norm.expect(lb=low, ub=high, conditional=True), abs=4e-4)


def test_moments_of_a_pair():
    x, y = gaussian_pairs().double().numpy().T
    for i in range(4):
        for j in range(4):
            if i % 2 or j % 2:
                assert abs(np.mean(x**i * y**j)) < 1e-12, (i, j)
    for z in (x, y):
        assert np.mean(z**2) == pytest.approx(1.0, abs=1e-7)
    assert np.mean(x**2 * y**2) == pytest.approx(1.0, abs=2e-4)
    for angle in np.linspace(0, np.pi, 17):
        assert np.mean((np.cos(angle) * x + np.sin(angle) * y) ** 4) == pytest.approx(3.0, abs=4e-4)


@pytest.mark.parametrize(
    ("angle", "most"), [(0.0, 2e-5), (np.pi / 2, 2e-5), (0.3, 6e-4), (np.pi / 4, 6e-4), (1.1, 6e-4)]
)
def test_distribution_function_is_as_near_to_the_gaussian_as_stated(angle: float, most: float):
    x, y = gaussian_pairs().double().numpy().T
    levels, counts = np.unique(np.cos(angle) * x + np.sin(angle) * y, return_counts=True)
    above, law = np.cumsum(counts) / 65_536, stats.norm.cdf(levels)
    assert max(np.abs(above - law).max(), np.abs(above - counts / 65_536 - law).max()) < most


def test_a_large_sample_passes_as_gaussian():
    noise = noise_of_tensor((1, 0, 0, 0), 400_000, CPU).numpy()
    assert stats.kstest(noise[:50_000], "norm").pvalue > 1e-3
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 4 * np.sqrt(2 / noise.size)
    # The two of a pair, neighbours, and numbers from the same 64 random bits are not correlated, nor are their squares.
    for lag in (1, 2, 3, 4, 7, CHUNK):
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
    ("begin", "end"), [(0, 1), (3, 4), (CHUNK - 1, CHUNK + 2), (2 * CHUNK, 3 * CHUNK), (5, 499_999)]
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


@pytest.mark.gpu
def test_another_device_draws_by_itself():
    device = torch.device("cuda")
    size = block_size(device)
    whole = noise_of_tensor((0, 0, 0, 0), size + 10, device)
    assert abs(float(whole.mean())) < 4 / np.sqrt(size)
    assert abs(float(whole.var()) - 1) < 4 * np.sqrt(2 / size)
    (part,) = noise_of_block((0, 0, 0, 0), size + 10, 0, 100, 200, device)
    assert torch.equal(part, whole[100:200])
