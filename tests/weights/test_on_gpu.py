"""What only an accelerator can show: the same direction there, the same weights, the same scores."""

from pathlib import Path

import pytest
import torch

from corrie.models.load import from_module, load
from corrie.models.model import Model
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_model, toy_module
from corrie.testing.toy_tasks import toy_choice
from corrie.weights import device_noise
from corrie.weights.ascent import worst_case
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


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU alone")
def test_a_model_over_two_gpus_is_moved_asked_and_searched_as_on_one(tmp_path: Path) -> None:
    save_toy(tmp_path)
    parts = {"model.embed_tokens": 0, "model.rotary_emb": 0, "model.layers.0": 0, "model.layers.1": 1, "model.norm": 1}
    one, two = load(tmp_path, device="cuda"), load(tmp_path, device_map={**parts, "lm_head": 0})
    assert two.device == "cuda:0, cuda:1"
    assert two.identity == one.identity
    task = toy_choice(one)
    with perturbed(one, STEP), perturbed(two, STEP):
        assert model_fingerprint(two.module) == model_fingerprint(one.module)
        for a, b in zip(task.score(one.reader(), 0, 10), task.score(two.reader(), 0, 10), strict=True):
            assert a.loss == pytest.approx(b.loss, abs=1e-3)
    found = []
    for model in (one, two):
        ids = torch.tensor([[3, 4, 5, 6, 7, 8]], device=model.devices[0])

        def loss_and_grad(model: Model = model, ids: torch.Tensor = ids) -> float:
            rows = model.module(input_ids=ids).logits.float().log_softmax(-1)[0, :-1]
            loss = -rows.gather(1, ids[0, 1:, None].to(rows.device)).mean()
            loss.backward()
            return loss.item()

        found.append(worst_case(model.selection, loss_and_grad, 0.5, steps=2).loss)
    assert found[1] == pytest.approx(found[0], rel=1e-3)
