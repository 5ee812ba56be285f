"""To θ + σε and back, bit for bit, in both ways."""

from __future__ import annotations

import warnings

import pytest
import torch

from corrie.errors import InputError, PrecisionWarning
from corrie.optim import GO
from corrie.optim.noise import CPU_BLOCK, NOISE_CHUNK, noise_of_tensor
from corrie.optim.placing import Placement, place

CPU = torch.device("cpu")


@pytest.mark.parametrize("in_place", [None, True])
@pytest.mark.parametrize("numel", [1, 5, NOISE_CHUNK + 3, CPU_BLOCK + 3])
def test_equals_the_obvious_formula(in_place: bool | None, numel: int):
    weight = torch.nn.Parameter(torch.linspace(-1, 1, numel))
    clean, address = weight.detach().clone(), weight.data_ptr()
    placement = Placement(weight, 4, in_place)
    place([(placement, 0.3, (1, 2, 3))])
    expected = torch.add(clean, noise_of_tensor((1, 2, 3, 4), numel, CPU), alpha=0.3)
    assert torch.equal(weight.data, expected)
    assert (weight.data_ptr() == address) == bool(in_place)
    placement.restore()
    assert torch.equal(weight.data, clean)
    assert weight.data_ptr() == address


def test_odd_layouts_move_by_the_same_numbers():
    """Transposed, strided out of a larger tensor, or in shared memory."""
    base = torch.zeros(6, 8)
    layouts = {
        "transposed": torch.nn.Parameter(torch.zeros(8, 6).t()),
        "columns": torch.nn.Parameter(base[:, :4]),
        "view": torch.nn.Parameter(torch.zeros(60)[:48].view(6, 8)),
        "shared": torch.nn.Parameter(torch.zeros(6, 8).share_memory_()),
    }
    for name, weight in layouts.items():
        address, strides = weight.data_ptr(), weight.stride()
        placement = Placement(weight, 0)
        place([(placement, 1.0, (0, 0, 0))])
        noise = noise_of_tensor((0, 0, 0, 0), weight.numel(), CPU)
        assert torch.equal(weight.detach().reshape(-1), noise), name
        if name != "transposed":
            assert weight.data_ptr() == address, name
        placement.restore()
        assert (weight.data_ptr(), weight.stride()) == (address, strides), name
        assert not weight.any(), name
    assert not base.any()


def test_low_precision_rounds_the_sum_once():
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 1000).to(torch.bfloat16))
    clean = weight.detach().clone()
    placement = Placement(weight, 0)
    place([(placement, 0.01, (0, 0, 0))])
    exact = clean.float() + 0.01 * noise_of_tensor((0, 0, 0, 0), 1000, CPU)
    assert torch.equal(weight.data, exact.to(torch.bfloat16))
    placement.restore()
    assert torch.equal(weight.data, clean)


def test_swallowed_noise_is_said():
    weight = torch.nn.Parameter(torch.ones(1000, dtype=torch.bfloat16))
    go = GO(torch.optim.SGD([weight], lr=0.1), sigma=1e-4)
    with pytest.warns(PrecisionWarning, match=r"leaves 100% of the 1,000 low-precision weights"), go.perturbed():
        pass


def test_a_few_large_weights_among_many_are_not_spoken_of():
    """The norms' ones swallow what the matrices take: what counts is the share of all weights."""
    matrix, ones = (torch.nn.Parameter(v * torch.ones(n, dtype=torch.bfloat16)) for v, n in ((1e-3, 10_000), (1.0, 30)))
    go = GO(torch.optim.SGD([matrix, ones], lr=0.1), sigma=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with go.perturbed():
            pass


def test_threads_change_nothing():
    def moved() -> torch.Tensor:
        weight = torch.nn.Parameter(torch.zeros(2 * CPU_BLOCK + 10))
        place([(Placement(weight, 0), 1.0, (0, 0, 0))])
        return weight.data

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = moved()
        torch.set_num_threads(3)
        assert torch.equal(moved(), alone)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("in_place", [None, True])
def test_a_failure_half_way_moves_nothing(in_place: bool | None, monkeypatch: pytest.MonkeyPatch):
    weights = [torch.nn.Parameter(torch.ones(10)) for _ in range(2)]
    placements = [Placement(w, n, in_place) for n, w in enumerate(weights)]

    def broken(self: Placement, block: int, sigma: float, key: tuple[int, ...]) -> None:
        if self is placements[1]:
            raise MemoryError
        self._noisy.zero_()

    monkeypatch.setattr(Placement, "write_block", broken)
    with pytest.raises(MemoryError):
        place([(p, 1.0, (0, 0, 0)) for p in placements])
    assert all(torch.equal(w.data, torch.ones(10)) for w in weights)
    assert not any(p.moved for p in placements)


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64])
def test_only_real_numbers_move(dtype: torch.dtype):
    with pytest.raises(InputError, match="real floating-point"):
        Placement(torch.zeros(2, dtype=dtype), 0)
