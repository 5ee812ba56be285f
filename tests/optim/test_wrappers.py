"""GO around other optimizers and wrappers: with σ = 0 theirs bit for bit, resumed as never stopped, or refused."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from corrie.errors import InputError
from corrie.optim import GO


class SlowAndFast(Optimizer):
    """A lookahead in the way of wrappers that skip torch's set-up: groups are a property without a setter, state and
    saved state are of a form of their own, and there are no hooks for loading."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks = OrderedDict(), OrderedDict()
        self._patch_step_function()
        self.defaults = dict(optimizer.defaults)
        self.slow = {p: p.detach().clone() for group in optimizer.param_groups for p in group["params"]}
        self.steps = 0

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return self.optimizer.param_groups

    @property
    def state(self) -> Any:  # type: ignore[override]
        return self.optimizer.state

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # type: ignore[override]
        loss = self.optimizer.step(closure)
        self.steps += 1
        if self.steps % 2 == 0:
            for parameter, slow in self.slow.items():
                slow.lerp_(parameter, 0.5)
                parameter.copy_(slow)
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"inner": self.optimizer.state_dict(), "slow": list(self.slow.values()), "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state_dict["inner"])
        for slow, saved in zip(self.slow.values(), state_dict["slow"], strict=True):
            slow.copy_(saved)
        self.steps = state_dict["steps"]


def _wrapped(name: str) -> Callable[[nn.Module], Optimizer]:
    def make(model: nn.Module) -> Optimizer:
        library = pytest.importorskip("pytorch_optimizer")
        options = {"k": 2} if name == "Lookahead" else {}
        return getattr(library, name)(torch.optim.AdamW(model.parameters(), lr=0.01), **options)

    return make


def _torch(name: str) -> Callable[[nn.Module], Optimizer]:
    return lambda model: getattr(torch.optim, name)(model.parameters(), lr=0.01)


MADE: dict[str, Callable[[nn.Module], Optimizer]] = {
    "slow and fast": lambda model: SlowAndFast(torch.optim.AdamW(model.parameters(), lr=0.01)),
    **{n: _wrapped(n) for n in ("Lookahead", "ScheduleFreeWrapper", "OrthoGrad", "TRAC", "PCGrad", "Magma")},
    **{
        n: _torch(n)
        for n in ("Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "ASGD", "LBFGS", "NAdam", "RMSprop", "Rprop")
    },
}
QUICK = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


def started(name: str, sigma: float | None) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    base: Any = MADE[name](model)
    optimizer = base if sigma is None else GO(base, sigma=sigma)
    if hasattr(optimizer, "train"):
        optimizer.train()
    return model, optimizer


def trained(model: nn.Module, optimizer: Any, steps: int) -> list[torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (model(QUICK) - 1).square().mean()
        loss.backward()
        return loss

    for _ in range(steps):
        if isinstance(optimizer, GO) and not isinstance(optimizer.base, torch.optim.LBFGS):
            with optimizer.perturbed():
                closure()
            optimizer.step()
        else:
            optimizer.step(closure)
    return [p.detach().clone() for p in model.parameters()]


def equal(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(autouse=True)
def _nobodys_generator() -> Any:
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.mark.parametrize("name", MADE)
def test_without_noise_it_is_the_base_and_with_noise_it_is_not(name: str) -> None:
    plain = trained(*started(name, None), 5)
    assert equal(plain, trained(*started(name, 0.0), 5))
    assert not equal(plain, trained(*started(name, 0.1), 5))


@pytest.mark.parametrize("name", MADE)
def test_a_state_that_was_kept_goes_on_as_if_never_stopped(name: str) -> None:
    model, go = started(name, 0.1)
    trained(model, go, 3)
    kept, weights = copy.deepcopy(go.state_dict()), copy.deepcopy(model.state_dict())
    torch.manual_seed(9)  # of what a base draws itself
    wanted = trained(model, go, 3)
    again, other = started(name, 0.1)
    again.load_state_dict(weights)
    other.load_state_dict(kept)
    assert other.draws == go.draws - (3 if name != "LBFGS" else go.draws - other.draws)
    torch.manual_seed(9)
    assert equal(wanted, trained(again, other, 3))


def test_groups_and_state_that_cannot_be_set_are_replaced_in_place() -> None:
    model, go = started("slow and fast", 0.1)
    trained(model, go, 1)
    groups, state = go.param_groups, go.state
    go.param_groups = [dict(group, lr=0.5) for group in groups]
    assert go.param_groups is groups is go.base.param_groups
    assert groups[0]["lr"] == 0.5
    go.state = {}
    assert go.state is state
    assert not state


def test_wrapping_leaves_the_state_of_a_wrapper_alone() -> None:
    model = nn.Linear(2, 2)
    base = SlowAndFast(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    trained(nn.Sequential(), base, 0)
    model(torch.ones(2)).sum().backward()
    base.step()
    groups, before = base.param_groups, copy.deepcopy(list(base.state.values()))
    GO(base, sigma=0.1)
    assert base.param_groups is groups
    assert len(groups) == 1
    assert equal([s["momentum_buffer"] for s in base.state.values()], [s["momentum_buffer"] for s in before])


def test_a_setting_of_the_bases_own_that_is_called_sigma_is_no_noise() -> None:
    class Friendly(torch.optim.SGD):
        def __init__(self, params: Any) -> None:
            super().__init__(params, lr=0.1)
            self.defaults["sigma"] = 1.0
            for group in self.param_groups:
                group.setdefault("sigma", 1.0)

    with pytest.raises(InputError, match=r"Friendly.*'sigma' of its own"):
        GO(Friendly(nn.Linear(2, 2).parameters()), sigma=0.0)


def test_what_is_no_whole_optimizer_is_refused_by_name() -> None:
    class Hollow(Optimizer):
        def __init__(self) -> None:
            pass

        @property
        def param_groups(self) -> Any:  # type: ignore[override]
            raise AttributeError

    class Deaf(SlowAndFast):
        def __init__(self, optimizer: Optimizer) -> None:
            super().__init__(optimizer)
            self.hidden = self.__dict__.pop("optimizer")

        @property
        def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
            return self.hidden.param_groups

        @property
        def state(self) -> Any:  # type: ignore[override]
            return self.hidden.state

    with pytest.raises(InputError, match=r"Hollow.*no param_groups"):
        GO(Hollow(), sigma=0.1)
    with pytest.raises(InputError, match=r"Deaf.*no hooks"):
        GO(Deaf(torch.optim.SGD(nn.Linear(2, 2).parameters())), sigma=0.1)


def test_a_base_that_differentiates_twice_is_refused_by_name() -> None:
    class Curved(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            parameters = self.param_groups[0]["params"]
            torch.autograd.grad([p.grad.square().sum() for p in parameters], parameters)

    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    go = GO(Curved(model.parameters(), lr=0.1), sigma=0.1)
    with go.perturbed():
        model(QUICK).pow(3).sum().backward(create_graph=True)
    with pytest.raises(InputError, match=r"Curved.*differentiates once more"):
        go.step()
