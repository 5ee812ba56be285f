import pytest
import torch
from torch import nn

from corrie.errors import ModelError, UnknownName
from corrie.records.model import SelectionSpec
from corrie.testing.toy_models import toy_module
from corrie.weights.selection import named_parameters, select, tensor_name, tied_names, tied_tensors


def test_a_tied_embedding_moves_once_under_its_first_name() -> None:
    tied, untied = select(toy_module(tied=True)), select(toy_module(tied=False))
    assert "model.embed_tokens.weight" in tied.tensors
    assert "lm_head.weight" not in tied.tensors
    assert untied.dimension - tied.dimension == untied.tensors["lm_head.weight"].numel()


def test_two_parameters_over_one_memory_are_one() -> None:
    module = nn.Module()
    module.a = nn.Parameter(torch.ones(3))
    module.b = nn.Parameter(module.a.data)
    assert list(named_parameters(module)) == ["a"]


def test_buffers_never_move() -> None:
    module = nn.BatchNorm1d(4)
    assert set(select(module).tensors) == {"weight", "bias"}


def test_patterns() -> None:
    module = toy_module()
    chosen = select(module, SelectionSpec(include=("*.q_proj.weight",), exclude=("model.layers.1.*",)))
    assert list(chosen.tensors) == ["model.layers.0.self_attn.q_proj.weight"]
    with pytest.raises(UnknownName, match=r"no tensor pattern named '\*.q_prj.weight'.*Did you mean"):
        select(module, SelectionSpec(include=("*.q_prj.weight",)))
    with pytest.raises(ModelError, match="no tensor is left"):
        select(module, SelectionSpec(include=("*norm*",), exclude=("model.*",)))


def test_quantised_weights_are_refused_with_advice() -> None:
    module = nn.Linear(2, 2)
    module.packed = nn.Parameter(torch.zeros(2, dtype=torch.uint8), requires_grad=False)
    with pytest.raises(ModelError, match=r"quantised model.*Try: load it dequantised"):
        select(module)


def test_norm_and_dimension_against_a_plain_sum() -> None:
    chosen = select(toy_module("gpt2"))
    flat = torch.cat([p.detach().double().flatten() for p in chosen.tensors.values()])
    assert chosen.dimension == flat.numel()
    assert chosen.norm() == pytest.approx(flat.norm().item(), rel=1e-7)


@pytest.mark.parametrize(
    "wrapped", ["module.a.weight", "_orig_mod.a.weight", "a._orig_mod.weight", "module._orig_mod.a.weight"]
)
def test_wrapper_prefixes_are_stripped(wrapped: str) -> None:
    assert tensor_name(wrapped) == "a.weight"


def test_a_compiled_module_has_the_same_names() -> None:
    module = toy_module()
    compiled = torch.compile(module, backend="eager")
    assert isinstance(compiled, nn.Module)
    assert list(select(compiled).tensors) == list(select(module).tensors)


def test_a_module_under_two_names_is_one_place_with_two_names() -> None:
    one = nn.Linear(2, 2, bias=False)
    twice = nn.Sequential(one, one, nn.Linear(2, 2, bias=False))
    assert tied_names(twice) == {"1.weight": "0.weight"}
    assert tied_tensors(twice) == {}
    view = nn.Sequential(one, nn.Linear(2, 2, bias=False))
    view[1].weight = nn.Parameter(one.weight.detach())  # another object over the same memory
    assert tied_names(view) == {"1.weight": "0.weight"}
    assert tied_tensors(view)["1.weight"].owner is view[1]
