"""What only an accelerator can show: the same direction there, the same weights, the same scores."""

import pytest
import torch

from corrie.models.load import from_module
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.testing.toy_models import byte_tokenizer, toy_model, toy_module
from corrie.testing.toy_tasks import toy_choice
from corrie.weights import device_noise
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.perturbed import Moving, perturbed
from corrie.weights.realise import realise
from corrie.weights.selection import select

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]

STEP = Point.along(Gaussian(seed=1), 0.05)


def test_a_direction_is_the_same_to_the_bit() -> None:
    here = {n: p.data for n, p in select(toy_module()).tensors.items()}
    there = {n: p.cuda() for n, p in here.items()}
    one, two = realise(Gaussian(seed=5), here), realise(Gaussian(seed=5), there)
    assert all(torch.equal(one.tensors[n], two.tensors[n].cpu()) for n in here)


def test_the_kernels_of_the_noise_are_used() -> None:
    """Triton comes with torch for CUDA; where their numbers differ from the law's they would step aside."""
    assert device_noise._kernels(torch.device("cuda", torch.cuda.current_device())) is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_direction_drawn_again_is_the_one_that_was_kept(dtype: torch.dtype) -> None:
    there = toy_module().to(dtype).cuda()
    found = []
    for draw in ("keep", "again"):
        weights = Moving(select(there), draw=draw)
        weights.to(STEP)
        found.append(model_fingerprint(there))
        weights.home()
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_point_is_the_same_and_the_way_back_is_exact(dtype: torch.dtype) -> None:
    here, there = toy_module().to(dtype), toy_module().to(dtype).cuda()
    before = model_fingerprint(there)
    with perturbed(here, STEP) as one, perturbed(there, STEP) as two:
        for name, parameter in select(here).tensors.items():
            moved = select(there).tensors[name].cpu()
            torch.testing.assert_close(moved, parameter, rtol=0, atol=1e-7 if dtype == torch.float32 else 0.01)
        assert two.norm == pytest.approx(one.norm, rel=1e-4)
    assert model_fingerprint(there) == before == model_fingerprint(here)


def test_a_task_scores_the_same() -> None:
    model = toy_model()
    there = from_module(toy_module().cuda(), byte_tokenizer(), name="toy")
    assert there.packed
    task = toy_choice(model)
    for one, two in zip(task.score(model.reader(), 0, 40), task.score(there.reader(), 0, 40), strict=True):
        assert one.success == two.success
        assert one.loss == pytest.approx(two.loss, abs=1e-3)
