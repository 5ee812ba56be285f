import gc
import math
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from corrie.errors import PrecisionWarning, RestoreError
from corrie.records.direction import Gaussian
from corrie.records.point import Point, Step
from corrie.testing.toy_models import toy_model, toy_module
from corrie.weights.drawn_again import DrawnAgain
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.noise import gaussian_noise
from corrie.weights.perturbed import Moving, moving, perturbed
from corrie.weights.selection import named_parameters, select

SMALL = Point.along(Gaussian(seed=0), 0.01)


def test_the_weights_are_the_base_plus_the_step() -> None:
    module = toy_module("qwen2")
    before = {n: p.detach().clone() for n, p in named_parameters(module).items()}
    with perturbed(module, SMALL):
        for name, parameter in named_parameters(module).items():
            noise = torch.from_numpy(gaussian_noise(0, name, parameter.numel())).reshape(parameter.shape)
            assert torch.equal(parameter.data, before[name] + 0.01 * noise)


def test_a_point_of_two_steps() -> None:
    module = nn.Linear(40, 30)
    before = module.weight.detach().clone()
    plane = Point(steps=(Step(direction=Gaussian(seed=1), alpha=0.5), Step(direction=Gaussian(seed=2), alpha=-0.25)))
    one, two = (torch.from_numpy(gaussian_noise(s, "weight", 1200)).reshape(30, 40) for s in (1, 2))
    with perturbed(module, plane) as realised:
        torch.testing.assert_close(module.weight.data, before + 0.5 * one - 0.25 * two)
    assert realised.asked == pytest.approx(math.sqrt(0.5**2 + 0.25**2) * math.sqrt(1230), rel=0.1)


@pytest.mark.parametrize("law", ["none", "unit", "layer", "filter"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_directions_that_are_drawn_again_lay_down_the_same_weights(law: Any, dtype: torch.dtype) -> None:
    one, two = (Gaussian(seed=seed, normalisation=law) for seed in (1, 2))
    points = [Point.along(one, 0.5), Point(steps=(Step(direction=one, alpha=0.25), Step(direction=two, alpha=-0.125)))]
    modules = [toy_module("qwen2").to(dtype) for _ in range(2)]
    once, again = (Moving(select(m), draw=how) for m, how in zip(modules, ("keep", "again"), strict=True))
    for point in (*points, Point.origin()):
        whole, parts = once.to(point), again.to(point)
        assert model_fingerprint(modules[0]) == model_fingerprint(modules[1])
        assert (parts.asked, parts.norm, parts.cosine) == pytest.approx((whole.asked, whole.norm, whole.cosine))


def test_a_direction_is_drawn_again_where_it_would_take_more_than_half_of_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 4 * select(toy_module()).dimension
    for there, drawn_again in ((None, False), (2 * size, False), (2 * size - 2, True)):
        monkeypatch.setitem(Moving.to.__globals__, "available_memory", lambda device, there=there: there)
        weights = Moving(select(toy_module()))
        weights.to(SMALL)
        assert [isinstance(tensors, DrawnAgain) for tensors in weights._directions.values()] == [drawn_again]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_bit_identical_afterwards(dtype: torch.dtype) -> None:
    module = toy_module().to(dtype)
    before = model_fingerprint(module)
    with moving(select(module)) as weights:
        for step in range(100):
            weights.to(Point.along(Gaussian(seed=step % 3), 0.01 * (1 + step)))
        assert model_fingerprint(module) != before
    assert model_fingerprint(module) == before


def test_bit_identical_after_an_exception() -> None:
    module = toy_module()
    before = model_fingerprint(module)
    with pytest.raises(ZeroDivisionError), perturbed(module, SMALL):
        raise ZeroDivisionError
    assert model_fingerprint(module) == before


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Python swallows an interrupt that comes in a callback of the garbage collector, as hypothesis has one."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.skipif(os.name == "nt", reason="signals to oneself are POSIX")
def test_bit_identical_after_an_interrupt_at_any_moment(no_collection: None) -> None:
    module = toy_module()
    before = model_fingerprint(module)
    delays = random.Random(0)
    interrupted = 0
    for _ in range(25):
        timer = threading.Timer(delays.uniform(0.0, 0.02), os.kill, (os.getpid(), signal.SIGINT))
        try:
            with moving(select(module)) as weights:
                timer.start()
                for step in range(10_000):
                    weights.to(Point.along(Gaussian(seed=step), 1.0))
        except KeyboardInterrupt:
            interrupted += 1
        timer.join()
        time.sleep(0)
        assert model_fingerprint(module) == before
        assert torch.is_grad_enabled()
    assert interrupted == 25


def test_a_point_does_not_depend_on_the_points_before_it() -> None:
    module = toy_module().to(torch.bfloat16)
    with moving(select(module)) as weights:
        weights.to(SMALL)
        alone = model_fingerprint(module)
        for seed in range(5):
            weights.to(Point.along(Gaussian(seed=seed), 0.3))
        weights.to(SMALL)
        assert model_fingerprint(module) == alone


def test_a_tied_tensor_moves_once() -> None:
    module = toy_module(tied=True)
    embedding = module.get_input_embeddings().weight
    before = embedding.detach().clone()
    with perturbed(module, SMALL):
        head = module.get_output_embeddings().weight
        assert head.data_ptr() == embedding.data_ptr()
        noise = torch.from_numpy(gaussian_noise(0, "model.embed_tokens.weight", before.numel())).reshape(before.shape)
        assert torch.equal(head.data, before + 0.01 * noise)


def test_only_what_is_selected_moves() -> None:
    model = toy_model(selection=None)
    model.selection = select(model.module, model.selection.spec.model_copy(update={"include": ("*.v_proj.weight",)}))
    before = {n: p.detach().clone() for n, p in named_parameters(model.module).items()}
    with perturbed(model, SMALL):
        for name, parameter in named_parameters(model.module).items():
            assert torch.equal(parameter.data, before[name]) == (not name.endswith("v_proj.weight"))


def test_a_tensor_that_is_not_contiguous() -> None:
    module = nn.Module()
    module.weight = nn.Parameter(torch.randn(30, 20, generator=torch.Generator().manual_seed(0)).t())
    before = module.weight.detach().clone()
    with perturbed(module, SMALL):
        noise = torch.from_numpy(gaussian_noise(0, "weight", 600)).reshape(20, 30)
        torch.testing.assert_close(module.weight.data, before + 0.01 * noise)
    assert torch.equal(module.weight.data, before)


def test_realised_norm_and_cosine() -> None:
    with perturbed(toy_module(), SMALL) as realised:
        assert realised.cosine == pytest.approx(1.0, abs=1e-6)
        assert realised.norm == pytest.approx(realised.asked, rel=1e-4)


def test_a_swallowed_step_is_said() -> None:
    """theory.md, section 11: at σ = 1e-5 most bfloat16 weights of a usual size do not move."""
    module = nn.Linear(512, 512)
    nn.init.normal_(module.weight, std=0.02, generator=torch.Generator().manual_seed(0))
    module.to(torch.bfloat16)
    before = module.weight.detach().clone()
    point = Point.along(Gaussian(seed=0), 1e-5)
    with pytest.warns(PrecisionWarning, match="rounds it away"), perturbed(module, point) as realised:
        still = (module.weight == before).float().mean().item()
    assert 0.8 < still < 0.95
    assert realised.cosine == pytest.approx(0.46, abs=0.04)


def test_weights_that_cannot_be_put_back_are_reported() -> None:
    module = nn.Linear(3, 3)

    class Forgetful(Moving):
        def home(self) -> None:
            pass

    weights = Forgetful(select(module))
    weights.to(SMALL)
    with pytest.raises(RestoreError, match="they differ from what they were"):
        weights.verify()


def test_no_global_generator_is_touched() -> None:
    module = toy_module()
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    with perturbed(module, SMALL):
        pass
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert before == after


def test_gradients_can_be_taken_at_a_point() -> None:
    """The gradient of ½‖w‖² at w + δ is w + δ."""
    module = nn.Linear(5, 1, bias=False)
    with perturbed(module, SMALL):
        moved = module.weight.detach().clone()
        (module.weight.square().sum() / 2).backward()
    assert module.weight.grad is not None
    torch.testing.assert_close(module.weight.grad, moved)
