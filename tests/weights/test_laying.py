"""Both ways of writing a point: the same bits, whatever the shapes, the steps and the threads."""

import numpy as np
import pytest
import torch
from torch import Tensor

from corrie.weights import laying
from corrie.weights.kernel import Kernel
from corrie.weights.laying import Piece, lay

SHAPES = [(700, 611), (3,), (1, 131_073), (16, 5), (0, 4)]


def _tensors(number: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(number)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


def _laid(alphas: list[float]) -> tuple[list[Tensor], laying.Taken]:
    base, live = _tensors(0), _tensors(1)
    deltas = list(zip(*(_tensors(2 + k) for k in range(len(alphas))), strict=True))
    taken = lay([Piece(*place) for place in zip(live, base, deltas, strict=True)], alphas)
    return live, taken


def _bits(tensors: list[Tensor]) -> list[bytes]:
    return [t.numpy().tobytes() for t in tensors]


@pytest.mark.parametrize("alphas", [[0.013], [-1e-3, 0.7], [1e-3, 1e-44, 1e10]])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_compiled_loop_writes_the_same_bits(
    alphas: list[float], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if laying._compiled() is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    fast, fast_taken = _laid(alphas)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert _laid(alphas)[1] == fast_taken
    monkeypatch.setattr(laying, "_compiled", lambda: None)
    plain, taken = _laid(alphas)
    assert _bits(fast) == _bits(plain)
    found = (fast_taken.asked, fast_taken.norm, fast_taken.dot)
    assert found == pytest.approx((taken.asked, taken.norm, taken.dot), rel=1e-5)


@pytest.mark.parametrize("plain", [False, True])
def test_a_slow_reading_of_the_sum(plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy rounds each product and each sum by itself, as the text says."""
    if plain:
        monkeypatch.setattr(laying, "_compiled", lambda: None)
    live, taken = _laid([0.3, -0.02])
    base, one, two = ([t.numpy() for t in _tensors(k)] for k in (0, 2, 3))
    steps = [a * np.float32(0.3) + b * np.float32(-0.02) for a, b in zip(one, two, strict=True)]
    wanted = [a + b for a, b in zip(base, steps, strict=True)]
    assert _bits(live) == [w.tobytes() for w in wanted]
    asked = sum(float((s.astype(np.float64) ** 2).sum()) for s in steps)
    norm = sum(float(((w - b).astype(np.float64) ** 2).sum()) for w, b in zip(wanted, base, strict=True))
    assert (taken.asked, taken.norm) == pytest.approx((asked, norm), rel=1e-6)


def test_a_loop_that_writes_other_bits_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compiler that contracts a product and a sum would do."""
    by = laying._compiled()
    if by is None:
        pytest.skip("no C compiler")

    class Contracted(Kernel):
        def __init__(self) -> None:
            pass

        def write(self, places, alphas, threads):  # type: ignore[no-untyped-def]
            return by.write(places, np.nextafter(alphas, np.float32(1)), threads)

    monkeypatch.setattr(laying, "kernel", Contracted)
    assert laying._compiled.__wrapped__() is None


def test_other_types_and_strides_take_their_own_way() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(600, 500, generator=generator)
    delta = torch.randn(600, 500, generator=generator)
    pieces = [
        Piece(torch.zeros(600, 500), base, (delta,)),
        Piece(torch.zeros(600, 500, dtype=torch.bfloat16), base.bfloat16(), (delta,)),
        Piece(torch.zeros(500, 600).t(), base, (delta,)),
    ]
    lay(pieces, [0.1])
    assert torch.equal(pieces[0].live, base + 0.1 * delta)
    assert torch.equal(pieces[1].live, (base.bfloat16().float() + 0.1 * delta).bfloat16())
    assert torch.equal(pieces[2].live, base + 0.1 * delta)
