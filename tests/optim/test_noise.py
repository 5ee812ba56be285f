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
    gaussian_levels,
    noise_of_block,
    noise_of_tensor,
    run_lengths,
)

CPU = torch.device("cpu")


def test_the_levels_are_the_gaussian_means_of_equally_likely_bins():
    levels = gaussian_levels().double().numpy()
    assert len(levels) == 65_536
    assert np.all(np.diff(levels) > 0)
    assert np.array_equal(levels, -levels[::-1])  # every odd moment is 0
    assert np.mean(levels**2) == pytest.approx(1.0, abs=1e-7)
    assert np.mean(levels**4) == pytest.approx(2.9998, abs=1e-4)
    assert np.mean(levels**6) == pytest.approx(14.99, abs=1e-2)
    assert levels[-1] == pytest.approx(4.39, abs=0.01)
    # A slow reference: the mean over a bin by numerical integration.
    for k in (0, 1, 20_000, 32_768, 65_535):
        low, high = stats.norm.ppf([k / 65_536, (k + 1) / 65_536])
        assert levels[k] == pytest.approx(stats.norm.expect(lb=low, ub=high, conditional=True), abs=2e-4)


def test_distribution_function_is_as_near_to_the_gaussian_as_stated():
    levels = gaussian_levels().double().numpy()
    above = np.arange(1, 65_537) / 65_536
    gap = np.maximum(np.abs(above - stats.norm.cdf(levels)), np.abs(above - 1 / 65_536 - stats.norm.cdf(levels)))
    assert gap.max() < 1e-5


def test_a_large_sample_passes_as_gaussian():
    noise = noise_of_tensor((1, 0, 0, 0), 400_000, CPU).numpy()
    assert stats.kstest(noise[:50_000], "norm").pvalue > 1e-3
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 4 * np.sqrt(2 / noise.size)
    # Neighbours, and numbers that come from the same 64 random bits, know nothing of each other.
    for lag in (1, 2, 3, 4, CHUNK):
        assert abs(np.corrcoef(noise[:-lag], noise[lag:])[0, 1]) < 4 / np.sqrt(noise.size - lag)


@pytest.mark.parametrize("other", [(2, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1)])
def test_seed_replica_draw_and_tensor_each_give_other_noise(other: tuple[int, ...]):
    a, b = noise_of_tensor((1, 0, 0, 0), 100_000, CPU), noise_of_tensor(other, 100_000, CPU)
    assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 4 / np.sqrt(100_000)


def test_blocks_of_one_tensor_differ():
    noise = noise_of_tensor((1, 0, 0, 0), CPU_BLOCK + 70_000, CPU)
    later = noise[CPU_BLOCK:]
    assert abs(float(torch.corrcoef(torch.stack([noise[:70_000], later]))[0, 1])) < 4 / np.sqrt(70_000)


@pytest.mark.parametrize(
    ("begin", "end"), [(0, 1), (3, 4), (CHUNK - 1, CHUNK + 2), (2 * CHUNK, 3 * CHUNK), (5, 99_999)]
)
def test_a_part_is_the_whole_s_part(begin: int, end: int):
    whole = noise_of_tensor((9, 0, 4, 2), 100_000, CPU)
    parts = [noise.clone() for noise in noise_of_block((9, 0, 4, 2), 100_000, 0, begin, end, CPU)]
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
