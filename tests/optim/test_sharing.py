"""Groups and state are the base optimizer's, and stay so whatever replaces them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from corrie.errors import InputError
from corrie.optim import GO


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
