import contextlib

import pytest
import torch

from corrie.capabilities import walking
from corrie.capabilities.choice_error import ChoiceError
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.capabilities.walking import walk
from corrie.errors import InputError
from corrie.subspaces.row_space import random_rows
from corrie.subspaces.space import length, on_lattice
from corrie.testing.toy_models import Architecture, toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint


def test_a_walk_stays_inside_on_the_lattice_and_writes_no_weight() -> None:
    model = toy_model()
    before = model_fingerprint(model.module)
    space = random_rows(model.module, "all", 1)
    found = walk(space, TaskLoss(model, toy_choice(model), 10), radius=0.3, steps=6, rate=0.2, sigma=0.05, lattice=-12)
    assert found.distance == length(found.coordinates) <= 0.3
    for values in found.coordinates.values():
        assert (values.numpy() == on_lattice(values.numpy(), -12)).all()
    assert len(found.losses) == 12, "an antithetic pair a step"
    assert model_fingerprint(model.module) == before
    assert all(p.grad is None for p in model.module.parameters())


def test_down_and_up_go_opposite_ways() -> None:
    model = toy_model()
    space = random_rows(model.module, "all", 1)
    loss = TaskLoss(model, toy_choice(model), 10, tokens=4096)
    assert len(loss.batches) == 1

    def after(uphill: bool) -> float:
        found = walk(space, loss, radius=1.0, steps=5, rate=0.3, uphill=uphill)
        with space.lent(1) as places:
            places.put([found.coordinates])
            return loss.mean()

    with space.lent(1):
        unmoved = loss.mean()
    assert after(uphill=False) < unmoved < after(uphill=True)


def test_the_first_step_is_the_gradient() -> None:
    """One step without noise from 0 is η along −∇L, by finite differences on one coordinate."""
    model = toy_model()
    space = random_rows(model.module, "q_proj", 1)
    loss = TaskLoss(model, toy_choice(model), 6, tokens=4096)
    step = walk(space, loss, radius=9.0, steps=1, rate=1e-2).coordinates
    name = next(iter(space.shapes))
    one = int(step[name].abs().argmax())

    def at(value: float) -> float:
        place = {n: torch.zeros(s) for n, s in space.shapes.items()}
        place[name].view(-1)[one] = value
        with space.lent(1) as places:
            places.put([place])
            return loss.mean()

    slope = (at(0.05) - at(-0.05)) / 0.1
    with torch.enable_grad(), space.lent(1) as places:
        zero = {n: torch.zeros(1, *s, requires_grad=True) for n, s in space.shapes.items()}
        places.put_tensors(zero)
        gradients = torch.autograd.grad(loss.losses(loss.batches[0]).mean(), list(zero.values()))
    norm = float(torch.cat([g.reshape(-1) for g in gradients]).norm())
    assert float(step[name].view(-1)[one]) == pytest.approx(-1e-2 * slope / norm, rel=0.05)


@pytest.mark.parametrize(
    ("architecture", "layers"),
    [("llama", "model.layers.1.*"), ("gpt2", "transformer.h.1.*"), ("qwen2", "model.layers.1.*")],
)
def test_keeping_the_trunk_changes_nothing(
    architecture: Architecture, layers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = toy_model(architecture)
    loss = ChoiceError(model, toy_choice(model), 6)

    def losses() -> tuple[float, ...]:
        return walk(random_rows(model.module, layers, 1), loss, radius=0.5, steps=4, rate=0.1, sigma=0.1).losses

    fast = losses()
    assert not any("forward" in vars(m) for m in model.module.modules())
    monkeypatch.setattr(walking, "trunk_kept", lambda *_: contextlib.nullcontext())
    assert fast == pytest.approx(losses(), abs=1e-5)


def test_what_is_no_walk() -> None:
    model = toy_model()
    with pytest.raises(InputError, match="not all above 0"):
        walk(random_rows(model.module, "all", 1), TaskLoss(model, toy_choice(model), 2), radius=0, steps=1, rate=1)
