"""Groups and state are the base optimizer's, and stay so whatever replaces them."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn

from corrie.errors import InputError
from corrie.optim import GO, Ramp


def go_and_base() -> tuple[GO, torch.optim.Optimizer]:
    model = nn.Linear(3, 2)
    base = torch.optim.AdamW(model.parameters(), lr=0.3, weight_decay=0.1)
    go = GO(base, sigma=0.1)
    with go.perturbed():
        model(torch.ones(2, 3)).mean().backward()
    go.step()
    return go, base


def test_one_set_of_groups_state_and_defaults():
    go, base = go_and_base()
    for _ in range(2):
        assert go.param_groups is base.param_groups
        assert go.state is base.state
        assert go.defaults is base.defaults
        go.load_state_dict(go.state_dict())  # replaces the objects
        base.load_state_dict(base.state_dict())
    go.param_groups = [*go.param_groups]
    assert base.param_groups is go.param_groups
    assert isinstance(go, torch.optim.Optimizer)


def test_wrapping_changes_nothing_of_the_base():
    weight = nn.Parameter(torch.ones(3))
    base = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.grad = torch.ones(3)
    base.step()
    momentum = base.state[weight]["momentum_buffer"]
    options = {key: value for key, value in base.param_groups[0].items() if key != "params"}
    GO(base, sigma=0.1)
    assert base.state[weight]["momentum_buffer"] is momentum
    assert base.param_groups[0]["params"][0] is weight
    assert {key: base.param_groups[0][key] for key in options} == options
    assert base.defaults["lr"] == 0.1


def test_a_flag_for_grad_scaler_is_not_shown():
    base = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1, fused=True)
    assert getattr(base, "_step_supports_amp_scaling", False)
    assert not getattr(GO(base, sigma=0.1), "_step_supports_amp_scaling", False)


def test_what_the_base_is_told_reaches_go():
    """A new group by the base's own method, and a state of the base alone loaded into it: the noise goes on."""
    weights = [nn.Parameter(torch.zeros(50)) for _ in range(2)]
    base = torch.optim.SGD([{"params": [weights[0]], "sigma": 0.0}], lr=0.1)
    go = GO(base, sigma=0.3)
    for _ in range(4):
        with go.perturbed():
            pass
    plain = torch.optim.SGD([weights[0]], lr=0.7).state_dict()
    base.load_state_dict(plain)
    assert (base.param_groups[0]["lr"], go.sigmas(), go.draws) == (0.7, [0.0], 4)
    base.add_param_group({"params": [weights[1]]})
    with go.perturbed():
        assert not weights[0].any()
        assert weights[1].all()
    go.step()
    assert go.draws == 5
    assert [group["go_draws"] for group in go.param_groups] == [5, 5]


def test_a_sigma_that_is_not_the_one_asked_for_is_said():
    base = torch.optim.SGD([nn.Parameter(torch.zeros(3))], lr=0.1)
    first = GO(base, sigma=0.1)
    with pytest.warns(UserWarning, match=r"an earlier GO has left its groups with σ 0\.1, not the σ 0\.5"):
        assert GO(base, sigma=0.5).sigmas() == [0.1]
    other = GO(torch.optim.SGD([nn.Parameter(torch.zeros(3))], lr=0.1), sigma=0.2)
    with pytest.warns(UserWarning, match=r"the loaded state has σ 0\.1, not the σ 0\.2"):
        other.load_state_dict(first.state_dict())
    assert other.sigmas() == [0.1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_state_dict(first.state_dict())
        GO(base, sigma=0.1)
        GO(base)
        still = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(3))]} for _ in range(2)], lr=0.1)
        still.param_groups[0]["sigma"] = 0.0
        GO(still, sigma=0.3)
        GO(still, sigma=0.3)
    with pytest.warns(UserWarning, match=r"σ 0\.1, not the σ 0\.1 relative"):
        GO(base, sigma=0.1, relative=True)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))], ids=["copy", "pickle"]
)
def test_a_copy_goes_on_alike_and_apart(copied):
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    go = GO(torch.optim.AdamW(model.parameters(), lr=0.1), sigma=0.2, schedule=Ramp(4), antithetic=True).attach(model)

    def train(model: nn.Module, go: GO) -> list[torch.Tensor]:
        for step in range(3):
            go.zero_grad()
            with go.perturbed():
                model(torch.full((2, 3), 1.0 + step)).square().mean().backward()
            go.step()
        return [p.detach().clone() for p in model.parameters()]

    train(model, go)
    model(torch.ones(1, 3))  # a pass whose backward never comes
    other, other_go = (copied((go, model)))[::-1]
    assert not go.is_perturbed
    assert other_go.param_groups[0]["params"][0] is other.weight
    before = [p.detach().clone() for p in model.parameters()]
    ahead = train(other, other_go)
    assert all(torch.equal(a, b.detach()) for a, b in zip(before, model.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(train(model, go), ahead, strict=True))
    with go.perturbed(), pytest.raises(InputError, match="at θ"):
        copied((go, model))


def test_modes_reach_a_base_that_has_them():
    class ScheduleFree(torch.optim.SGD):
        mode = ""

        def train(self) -> None:
            self.mode = "train"

        def eval(self) -> None:
            self.mode = "eval"

    base = ScheduleFree([nn.Parameter(torch.ones(2))], lr=0.1)
    go = GO(base, sigma=0.1)
    go.eval()
    assert base.mode == "eval"
    go.train()
    assert base.mode == "train"
    go_and_base()[0].train()  # and one without is left alone


def test_only_optimizers_can_be_wrapped():
    with pytest.raises(InputError, match="no torch optimizer"):
        GO([nn.Parameter(torch.ones(2))], sigma=0.1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a GO already"):
        GO(go_and_base()[0], sigma=0.1)
