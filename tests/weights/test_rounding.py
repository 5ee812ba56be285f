import numpy as np
import pytest
import torch

from corrie.errors import InputError
from corrie.records.paths import Quantised
from corrie.testing.toy_models import toy_module
from corrie.weights.realise import realise
from corrie.weights.rounding import is_rounded, round_to_grid, rounding
from corrie.weights.selection import select


def one_by_one(matrix: np.ndarray, bits: int, block: int) -> np.ndarray:
    """The slow way: every number by itself, Python's own rounding (half to even)."""
    top = 2 ** (bits - 1) - 1
    out = np.zeros_like(matrix)
    for i, row in enumerate(matrix):
        for start in range(0, len(row), block):
            scale = np.float32(max(abs(x) for x in row[start : start + block])) / np.float32(top)
            for j in range(start, min(start + block, len(row))):
                out[i, j] = round(float(row[j] / scale)) * scale if scale else 0.0
    return out


@pytest.mark.parametrize(("bits", "block"), [(8, None), (4, None), (4, 8), (4, 7), (8, 64)])
def test_the_slow_way_gives_the_same(bits: int, block: int | None) -> None:
    matrix = torch.randn(6, 20, generator=torch.Generator().manual_seed(1))
    matrix[2, :8] = 0.0
    wanted = one_by_one(matrix.numpy(), bits, block or 20)
    torch.testing.assert_close(round_to_grid(matrix, bits, block), torch.from_numpy(wanted), rtol=0, atol=1e-6)


def test_rounding_is_within_half_a_step_and_rounds_once() -> None:
    matrix = torch.randn(5, 64, generator=torch.Generator().manual_seed(2))
    rounded = round_to_grid(matrix, 4)
    step = matrix.abs().amax(dim=1, keepdim=True) / 7
    assert bool(((rounded - matrix).abs() <= step / 2 * (1 + 1e-5)).all())
    assert all(len(row.unique()) <= 15 for row in rounded)
    torch.testing.assert_close(round_to_grid(rounded, 4), rounded, rtol=0, atol=1e-6)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_only_matrices_of_layers_are_rounded(architecture: str) -> None:
    module = toy_module(architecture, tied=False)  # type: ignore[arg-type]
    tensors = {n: p.data for n, p in select(module).tensors.items()}
    moved = {n for n, t in rounding(Quantised(bits=4, block=64), tensors) if bool(t.any())}
    layers = {n for n, p in tensors.items() if p.dim() == 2 and (".layers." in n or ".h." in n)}
    assert moved == layers == {n for n, t in tensors.items() if is_rounded(n, t)}


def test_fewer_bits_go_further() -> None:
    tensors = {n: p.data for n, p in select(toy_module()).tensors.items()}
    eight, four = (realise(Quantised(bits=bits), tensors).norm for bits in (8, 4))
    assert 0 < 10 * eight < four


def test_a_model_on_the_grid_already_moves_nowhere() -> None:
    tensors = {"layer.weight": torch.tensor([[7.0, 3.0, -1.0, 0.0]])}
    with pytest.raises(InputError, match="it moves nothing"):
        realise(Quantised(bits=4), tensors)
