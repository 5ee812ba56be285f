"""Layers whose weight is read past them: what PEFT's own model leaves unused is refused, the rest is what it says."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from corrie.errors import ModelError
from corrie.models.direct_reads import read_directly
from corrie.models.directions import adapter
from corrie.models.load import from_module
from corrie.records.point import Point
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import byte_tokenizer, toy_module
from corrie.weights.perturbed import perturbed

peft = pytest.importorskip("peft")

PAST = {"jamba": "dt_proj", "longcat_flash": "classifier"}


def linear(module: nn.Module) -> list[str]:
    return [f"{name}.weight" for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("family", PAST)
def test_those_that_the_code_multiplies_by_are_found_and_no_other(family: str) -> None:
    module = tiny_module(family)
    found = read_directly(module, linear(module))
    assert found == sorted(n for n in linear(module) if n.endswith(f"{PAST[family]}.weight"))
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules())


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_a_head_tied_to_its_embedding_is_read_by_its_layers(architecture: Any) -> None:
    module = toy_module(architecture, tied=True)
    assert read_directly(module, [*linear(module), "lm_head.weight", "model.embed_tokens.weight"]) == []


def test_a_weight_that_is_only_asked_for_its_type_is_not_read() -> None:
    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, input_ids: torch.Tensor, use_cache: bool) -> torch.Tensor:
            like = torch.ones(2).to(self.one.weight).type_as(self.one.weight).to(self.one.weight.dtype)
            return self.one(like + torch.zeros_like(self.one.weight)[0]) + self.two.weight.to(torch.float64)[0]

    assert read_directly(Asks(), ["one.weight", "two.weight"]) == ["two.weight"]


def made(folder: Path, settings: dict[str, Any], up: float = 1.0) -> torch.Tensor:
    """An adapter of a tiny Jamba, and the logits of PEFT's own model."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        live: Any = peft.get_peft_model(tiny_module("jamba"), peft.LoraConfig(r=2, init_lora_weights=False, **settings))
        for name, parameter in live.named_parameters():
            if ".dt_proj.lora_B" in name:
                parameter.data *= up
        live.save_pretrained(folder)
        with torch.no_grad():
            return live.eval()(input_ids=torch.arange(20)[None], use_cache=False).logits


@pytest.mark.parametrize(
    ("settings", "up"),
    [({"target_modules": ["in_proj", "q_proj"]}, 1.0), ({"target_modules": ["in_proj", "dt_proj"]}, 0.0)],
)
def test_without_them_or_with_zeros_an_adapter_is_what_peft_computes(
    settings: dict[str, Any], up: float, tmp_path: Path
) -> None:
    wanted = made(tmp_path / "adapter", settings, up)
    model = from_module(tiny_module("jamba"), byte_tokenizer(), name="jamba")
    with perturbed(model, Point.along(adapter(model, tmp_path / "adapter"), 1.0)), torch.no_grad():
        found = model.module(input_ids=torch.arange(20)[None], use_cache=False).logits
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_an_adapter_of_one_is_refused_by_name(tmp_path: Path) -> None:
    made(tmp_path / "adapter", {"target_modules": ["in_proj", "dt_proj"]})
    model = from_module(tiny_module("jamba"), byte_tokenizer(), name="jamba")
    with pytest.raises(ModelError, match=r"dt_proj\.weight.* past its layer"):
        adapter(model, tmp_path / "adapter")
