"""Rescalings leave the function, on whatever architecture they are found; what is none is refused by trying."""

from __future__ import annotations

import copy

import pytest
import torch

from corrie.testing.families import tiny_module
from corrie.testing.toy_models import toy_module
from corrie.weights.fingerprint import fingerprint
from corrie.weights.selection import named_parameters
from corrie.widening.equivalents import Rescaling, Side, rescalings_of

ROWS = torch.randint(3, 60, (2, 24), generator=torch.Generator().manual_seed(1))

KINDS = {
    "llama": {"norm to matrix", "query and key", "value to output", "up to down", "residual stream"},
    "mistral": {"norm to matrix", "query and key", "value to output", "up to down", "residual stream"},
    "qwen2": {"norm to matrix", "query and key", "value to output", "up to down", "residual stream"},
    "qwen3": {"norm to matrix", "value to output", "up to down", "residual stream"},  # queries and keys are normed
    "phi3": {"norm to matrix", "residual stream"},  # fused matrices
    "gpt2": {"norm to matrix"},
    "gemma2": {
        "query and key",
        "value to output",
        "up to down",
    },  # its norms multiply by 1 + γ, and stand behind the layers too
}


@pytest.mark.parametrize("family", KINDS)
def test_those_that_are_found_leave_the_function(family: str) -> None:
    module = tiny_module(family).eval()
    before = fingerprint(dict(named_parameters(module)))
    found = rescalings_of(module, module.config, ROWS)
    assert fingerprint(dict(named_parameters(module))) == before
    assert {rescaling.kind for rescaling in found} == KINDS[family]
    moved = copy.deepcopy(module)
    parameters = dict(named_parameters(moved))
    dice = torch.Generator().manual_seed(2)
    for rescaling in found:
        factors = 4 ** (torch.rand(rescaling.factors, generator=dice, dtype=torch.float64) - 0.5)
        rescaling.apply(parameters, factors)
        for side in rescaling.sides:
            assert not torch.equal(parameters[side.tensor], dict(named_parameters(module))[side.tensor])
    with torch.no_grad():
        one, two = (torch.log_softmax(m(ROWS, use_cache=False).logits, -1) for m in (module, moved))
    assert float((one.exp() * (one - two)).sum(dim=-1).mean()) < 2e-6
    assert torch.allclose(one, two, atol=5e-3)  # an ε in the norms of these tiny embeddings


def test_powers_of_two_leave_it_to_the_bit() -> None:
    module = toy_module()
    with torch.no_grad():
        before = module(ROWS).logits
        parameters = dict(named_parameters(module))
        for rescaling in rescalings_of(module, module.config, ROWS):
            if rescaling.kind != "residual stream":  # an ε is added to the mean of squares
                rescaling.apply(parameters, torch.full((rescaling.factors,), 2.0, dtype=torch.float64))
        assert torch.equal(module(ROWS).logits, before)


def test_a_layer_that_is_another_under_the_same_name_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate multiplies what is up; where it is cut off above, up is no longer free."""
    module = toy_module()
    layer = module.model.layers[0].mlp
    monkeypatch.setattr(layer, "forward", lambda x: layer.down_proj(torch.tanh(layer.up_proj(x)) * layer.gate_proj(x)))
    found = {rescaling.kind for rescaling in rescalings_of(module, module.config, ROWS)}
    assert found == {"norm to matrix", "query and key", "value to output", "residual stream"}


def test_an_untied_head_is_not_of_the_residual_stream() -> None:
    module = toy_module(tied=False)
    (residual,) = (r for r in rescalings_of(module, module.config, ROWS) if r.kind == "residual stream")
    assert {side.power for side in residual.sides} == {1}
    assert "lm_head.weight" not in {side.tensor for side in residual.sides}


def test_sums_are_those_of_each_factor() -> None:
    numbers = torch.arange(6.0).view(2, 3)
    rows, columns = (Side("t", axis, torch.tensor(which), 1) for axis, which in ((0, [1, 0]), (1, [0, 0, 1])))
    assert rows.gathered(numbers, 2).tolist() == [12.0, 3.0]
    assert columns.gathered(numbers, 2).tolist() == [8.0, 7.0]
    tensor = {"t": numbers.clone()}
    Rescaling("r", 2, (columns,)).apply(tensor, torch.tensor([2.0, 10.0], dtype=torch.float64))
    assert tensor["t"].tolist() == [[0.0, 2.0, 20.0], [6.0, 8.0, 50.0]]
