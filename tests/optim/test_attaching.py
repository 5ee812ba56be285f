"""GO in loops that know nothing of it: accumulation, checkpointing, compilation, autocast, GradScaler, copies."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import warnings
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from corrie.errors import InputError
from corrie.optim import GO


class Network(nn.Module):
    """Two blocks, optionally with activation checkpointing; gives a mapping, as Hugging Face models do."""

    def __init__(self, reentrant: bool | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(2))
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        for block in self.blocks:
            x = block(x) if self.reentrant is None else checkpoint(block, x, use_reentrant=self.reentrant)
        return OrderedDict(logits=x)


X = torch.randn(4, 6, generator=torch.Generator().manual_seed(3), requires_grad=True)


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def attached(model: nn.Module, in_place: bool | None = None) -> GO:
    return GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.3, in_place=in_place).attach(model)


def reference(passes: int = 1) -> list[torch.Tensor]:
    """The gradients of the first passes by ``with go.perturbed()``, no hooks, no checkpointing."""
    model = Network()
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.3)
    for _ in range(passes):
        with go.perturbed():
            model(X)["logits"].square().mean().backward()
    return gradients(model)


@pytest.mark.parametrize("in_place", [None, True])
def test_moved_from_forward_to_the_end_of_backward_and_no_longer(in_place: bool | None):
    model = Network()
    clean = weights(model)
    go = attached(model, in_place=in_place)
    loss = model(X)["logits"].square().mean()
    assert go.is_perturbed
    assert not same(weights(model), clean)
    loss.backward()
    assert not go.is_perturbed
    assert same(weights(model), clean)
    assert same(gradients(model), reference())


def test_accumulation_draws_afresh_for_each_micro_batch():
    model = Network()
    go = attached(model)
    for _ in range(3):
        model(X)["logits"].square().mean().backward()
    assert go.draws == 3
    assert same(gradients(model), reference(passes=3))


@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing_recomputes_at_the_noise(reentrant: bool):
    model = Network(reentrant)
    clean = weights(model)
    go = attached(model)
    model(X)["logits"].square().mean().backward()
    assert go.draws == 1
    assert same(weights(model), clean)
    for a, b in zip(gradients(model), reference(), strict=True):
        torch.testing.assert_close(a, b)


def test_checkpointing_the_whole_model_recomputes_at_the_noise():
    model = Network()
    go = attached(model)
    checkpoint(lambda x: model(x)["logits"], X, use_reentrant=False).square().mean().backward()
    assert go.draws == 1
    assert not go.is_perturbed
    for a, b in zip(gradients(model), reference(), strict=True):
        torch.testing.assert_close(a, b)


def test_reentrant_checkpointing_of_the_whole_model_is_never_half_noisy():
    """Its forward pass runs without gradients, hence at θ: so must its recomputation, and the step says so."""
    model, plain = Network(), Network()
    go = attached(model)
    checkpoint(lambda x: model(x)["logits"], X, use_reentrant=True).square().mean().backward()
    plain(X)["logits"].square().mean().backward()
    assert go.draws == 0
    for a, b in zip(gradients(model), gradients(plain), strict=True):
        torch.testing.assert_close(a, b)
    with pytest.warns(UserWarning, match="without any draw"):
        go.step()


@pytest.mark.parametrize("attach_to", ["inner", "compiled"])
def test_torch_compile(attach_to: str):
    """aot_eager traces forward and backward as the default backend does, without its minutes of C++ compilation."""
    torch._dynamo.reset()
    model = Network()
    compiled = torch.compile(model, backend="aot_eager")
    clean = weights(model)
    target = model if attach_to == "inner" else compiled
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.3).attach(target)  # type: ignore[arg-type]
    for _ in range(2):
        compiled(X)["logits"].square().mean().backward()
        assert same(weights(model), clean)
    assert go.draws == 2
    for a, b in zip(gradients(model), reference(passes=2), strict=True):
        torch.testing.assert_close(a, b)


def test_torch_compile_inside_perturbed():
    torch._dynamo.reset()
    model = Network()
    compiled = torch.compile(model, backend="aot_eager")
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.3)
    for _ in range(2):
        with go.perturbed():
            compiled(X)["logits"].square().mean().backward()
    for a, b in zip(gradients(model), reference(passes=2), strict=True):
        torch.testing.assert_close(a, b)


def test_autocast_forgets_the_copies_of_earlier_weights():
    """Within one autocast region torch keeps low-precision copies of weights: a second ε must not meet the first's."""

    def gradient(one_region: bool) -> list[torch.Tensor]:
        model = Network()
        go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.3)

        def one_pass() -> None:
            with go.perturbed():
                model(X)["logits"].float().square().mean().backward()

        if one_region:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                one_pass()
                one_pass()
        else:
            for _ in range(2):
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    one_pass()
        return gradients(model)

    assert same(gradient(one_region=True), gradient(one_region=False))


def test_autocast_meets_no_weights_of_another_time():
    model = Network()
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = model(X)["logits"]
        with go.perturbed():
            noisy = model(X)["logits"]
        after = model(X)["logits"]
    assert not torch.equal(before, noisy)
    assert torch.equal(before, after)


@pytest.mark.parametrize("way", ["attach", "perturbed"])
@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_grad_scaler_skips_leaves_the_weights_as_they_were(way: str, fused: bool):
    model = Network()
    clean = weights(model)
    go = GO(torch.optim.AdamW(model.parameters(), lr=0.1, fused=fused), sigma=0.3)
    if way == "attach":
        go.attach(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    def one_step(factor: float) -> None:
        go.zero_grad()
        if way == "attach":
            scaler.scale(factor * model(X)["logits"].square().mean()).backward()
        else:
            with go.perturbed():
                scaler.scale(factor * model(X)["logits"].square().mean()).backward()
        scaler.unscale_(go)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(go)
        scaler.update()

    one_step(float("inf"))
    assert scaler.get_scale() == 2.0  # the overflow was seen and the step skipped
    assert not go.is_perturbed
    assert same(weights(model), clean)
    one_step(1.0)
    assert not same(weights(model), clean)
    assert all(bool(w.isfinite().all()) for w in weights(model))


def test_scaled_gradients_are_unscaled_for_a_fused_base():
    """GradScaler hands fused optimizers the scale itself; behind GO it must still be divided out."""
    results = []
    for scale in (1.0, 1024.0):
        model = Network()
        go = GO(torch.optim.SGD(model.parameters(), lr=0.1, fused=True), sigma=0.3).attach(model)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        scaler.scale(model(X)["logits"].square().mean()).backward()
        scaler.step(go)
        results.append(weights(model))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "way", ["step", "zero_grad", "evaluation", "state_dict", "load_state_dict", "detach", "base step"]
)
def test_a_pass_without_backward_is_restored_by_whatever_comes_first(way: str):
    model = Network()
    clean = weights(model)
    go = attached(model)
    model(X)
    assert go.is_perturbed
    if way == "step":
        go.step()
    elif way == "zero_grad":
        go.zero_grad()
    elif way == "evaluation":
        with torch.no_grad():
            out = model.eval()(X)["logits"]
        assert torch.equal(out, Network()(X)["logits"])
    elif way == "state_dict":
        assert same(list(model.state_dict().values()), clean)
    elif way == "load_state_dict":
        clean = [torch.full_like(w, 7.0) for w in clean]
        model.load_state_dict({name: torch.full_like(w, 7.0) for name, w in model.state_dict().items()})
        go.zero_grad()
    elif way == "detach":
        go.detach()
        model(X)
    else:
        go.base.step()
    assert not go.is_perturbed
    assert same(weights(model), clean)


def test_several_forward_passes_before_one_backward_share_their_noise():
    model = Network()
    go = attached(model)
    first = model(X)["logits"]
    second = model(X)["logits"]
    assert torch.equal(first, second)
    (first + second).square().mean().backward()
    assert go.draws == 1
    assert not go.is_perturbed


@dataclasses.dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor | None = None


@pytest.mark.parametrize("seen", [True, False])
def test_what_a_model_returns(seen: bool):
    """A dataclass is looked into. What cannot be looked into is said, and the step restores."""

    class Returning(Network):
        def forward(self, x: torch.Tensor) -> object:
            loss = super().forward(x)["logits"].square().mean()
            return Output(loss) if seen else type("Odd", (), {"loss": loss})()

    model = Returning()
    clean = weights(model)
    go = attached(model)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            model(X).loss.backward()
    assert go.is_perturbed == (not seen)
    assert go.draws == (2 if seen else 1)
    assert [str(w.message)[:38] for w in said] == ([] if seen else ["GO.attach: in what the model returns, "])
    go.zero_grad()
    assert same(weights(model), clean)


def test_a_model_of_other_parameters_is_refused():
    with pytest.raises(InputError, match="none of the optimizer's parameters"):
        GO(torch.optim.SGD(Network().parameters(), lr=0.1), sigma=0.1).attach(Network())
    with pytest.raises(InputError, match="not a torch module"):
        GO(torch.optim.SGD(Network().parameters(), lr=0.1), sigma=0.1).attach("model")  # type: ignore[arg-type]


def test_a_training_pass_without_gradients_sees_the_weights_as_they_are():
    model = Network()
    go = attached(model)
    with torch.no_grad():
        assert torch.equal(model(X)["logits"], Network()(X)["logits"])
    assert go.draws == 0


def test_inside_perturbed_the_hooks_stay_out():
    model = Network()
    go = attached(model)
    with go.perturbed():
        model(X)["logits"].square().mean().backward()
        assert go.is_perturbed
        model(X)["logits"].square().mean().backward()
    assert go.draws == 1
    assert not go.is_perturbed


def test_copies_of_the_model_are_plain_models():
    model = Network()
    go = attached(model)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        other(X)["logits"].square().mean().backward()
        assert not go.is_perturbed
        assert go.draws == 0


def test_an_error_in_forward_is_put_right_by_the_next_step():
    model = Network()
    clean = weights(model)
    go = attached(model)
    with pytest.raises(RuntimeError):
        model(torch.zeros(4, 7))
    go.zero_grad()
    assert same(weights(model), clean)
