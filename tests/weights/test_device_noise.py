"""Noise where the weights are: the plain law on a CPU, and kernels that differ from it are left alone."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from corrie.weights import device_noise as room
from corrie.weights.device_noise import agrees, device_noise, lay_noise
from corrie.weights.laying import Piece, lay
from corrie.weights.noise import gaussian_noise, philox_key, plain_noise

CPU = torch.device("cpu")


class Kernels:
    """A slow, obvious reference with the kernels' face: it draws by the Python text and lays by torch."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.wrong = wrong

    def draw(self, out: Tensor, terms: Tensor, law: Tensor, start: int) -> None:
        seed, name = self._asked(terms)
        out.copy_(torch.from_numpy(plain_noise(seed, name, out.numel(), start)))

    def lay_down(self, live: Tensor, base: Tensor, alpha: Tensor, terms: Tensor, law: Tensor, start: int) -> Tensor:
        seed, name = self._asked(terms)
        delta = torch.from_numpy(plain_noise(seed, name, live.numel(), start)).reshape(live.shape)
        taken = lay([Piece(live, base, (delta,))], [float(alpha)])
        live.view(-1)[-1] += self.wrong
        return torch.tensor([[taken.asked, taken.norm, taken.dot]])

    @staticmethod
    def _asked(terms: Tensor) -> tuple[int, str]:
        key = tuple(word % 2**64 for word in terms[:2].tolist())
        seeds = (0, 1, 2, 7, 1027, 2**40 + 1)
        return next((s, n) for s in seeds for n in ("compare", "w") if philox_key(s, n) == key)


def test_on_a_cpu_it_is_the_law() -> None:
    assert device_noise(3, "w", 1001, CPU).numpy().tobytes() == gaussian_noise(3, "w", 1001).tobytes()
    live = torch.zeros(8)
    assert lay_noise(live, torch.ones(8), 3, "w", 0.1) is None
    assert not live.any(), "nothing was written"


def test_kernels_that_give_the_laws_numbers_are_used() -> None:
    assert agrees(Kernels(), CPU)  # type: ignore[arg-type]


@pytest.mark.parametrize("where", ["first", "last"])
def test_one_wrong_number_drawn_and_they_are_not(where: str) -> None:
    class Wrong(Kernels):
        def draw(self, out: Tensor, terms: Tensor, law: Tensor, start: int) -> None:
            super().draw(out, terms, law, start)
            place = 0 if where == "first" else -1
            out[place] = torch.nextafter(out[place], torch.tensor(9.0))

    assert not agrees(Wrong(), CPU)  # type: ignore[arg-type]


def test_one_wrong_weight_laid_and_they_are_not() -> None:
    assert not agrees(Kernels(wrong=0.01), CPU)  # type: ignore[arg-type]


def test_a_kernel_that_cannot_be_built_is_stepped_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is said to be there, and a compiler that is not."""

    def raises(*_: Any) -> None:
        raise RuntimeError("no ptxas")

    monkeypatch.setattr(room, "find_spec", lambda name: SimpleNamespace(name=name))
    broken = ModuleType("corrie.weights.triton_kernel")
    broken.draw = raises  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "corrie.weights.triton_kernel", broken)
    assert room._kernels.__wrapped__(torch.device("cuda", 0)) is None


def test_without_triton_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    monkeypatch.setattr(room.importlib, "import_module", lambda name: pytest.fail("imported"))
    assert room._kernels.__wrapped__(torch.device("cuda", 0)) is None
