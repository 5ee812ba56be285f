"""An adapter's direction against what PEFT itself makes of it: the merged model minus the model."""

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from corrie.errors import ModelError
from corrie.records.paths import Adapter
from corrie.testing.toy_models import toy_module
from corrie.weights.adapter import WEIGHTS, AdapterFiles
from corrie.weights.adapter_config import CONFIG
from corrie.weights.realise import realise
from corrie.weights.selection import named_parameters
from corrie.weights.sources import Sources

peft = pytest.importorskip("peft")

LLAMA = ["q_proj", "down_proj"]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("llama", {"target_modules": LLAMA}),
    "rank-stabilised": ("llama", {"target_modules": LLAMA, "use_rslora": True}),
    "patterns": (
        "llama",
        {
            "target_modules": LLAMA,
            "rank_pattern": {"layers.0.self_attn.q_proj": 2, "down_proj": 5},
            "alpha_pattern": {r"layers\.1\..*q_proj": 32, "down_proj": 7},
        },
    ),
    "transposed": ("gpt2", {"target_modules": ["c_attn", "mlp.c_proj"], "fan_in_fan_out": True}),
    "embedding": ("llama", {"target_modules": ["embed_tokens", "v_proj"]}),
    "whole tensors": ("llama", {"target_modules": ["v_proj"], "modules_to_save": ["lm_head", "input_layernorm"]}),
    "biases": ("qwen2", {"target_modules": ["q_proj"], "bias": "lora_only"}),
}


def make(folder: Path, architecture: str, **settings: Any) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """An adapter with random numbers in a folder; the model, and the merged model's tensors."""
    base = toy_module(architecture, tied=False)  # type: ignore[arg-type]
    config = peft.LoraConfig(r=3, lora_alpha=6, init_lora_weights=False, task_type="CAUSAL_LM", **settings)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        tuned = peft.get_peft_model(copy.deepcopy(base), config)
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn_like(parameter)
        tuned.save_pretrained(folder)
        merged = named_parameters(tuned.merge_and_unload())
    return base, {n: p.detach() for n, p in merged.items()}


def direction(folder: Path, base: nn.Module) -> dict[str, torch.Tensor]:
    content, sources = AdapterFiles.open(folder).content(), Sources()
    sources.add(content, folder)
    pristine = {n: p.data for n, p in named_parameters(base).items()}
    return dict(realise(Adapter(content=content), pristine, sources).tensors)


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_merged_difference(tmp_path: Path, case: str) -> None:
    architecture, settings = CASES[case]
    base, merged = make(tmp_path, architecture, **settings)
    before = named_parameters(base)
    AdapterFiles.open(tmp_path).check({n: tuple(p.shape) for n, p in before.items()})
    found = direction(tmp_path, base)
    assert set(found) == set(before)
    moved = 0
    for name, delta in found.items():
        wanted = merged[name] - before[name].detach()
        torch.testing.assert_close(delta, wanted, rtol=0, atol=1e-6)
        moved += bool(wanted.abs().max() > 0.01)
    assert moved == sum(bool(t.any()) for t in found.values()) > 1


def test_untouched_tensors_take_no_memory(tmp_path: Path) -> None:
    base, _ = make(tmp_path, "llama", target_modules=["q_proj"])
    found = direction(tmp_path, base)
    assert found["model.layers.0.mlp.up_proj.weight"].untyped_storage().nbytes() == 4


def test_the_content_is_tensors_and_scale(tmp_path: Path) -> None:
    make(tmp_path, "llama", target_modules=["q_proj"])
    config = json.loads((tmp_path / CONFIG).read_text())
    before = AdapterFiles.open(tmp_path).content()

    def with_config(**changes: Any) -> str:
        (tmp_path / CONFIG).write_text(json.dumps({**config, **changes}))
        return AdapterFiles.open(tmp_path).content()

    assert with_config(base_model_name_or_path="elsewhere", lora_dropout=0.5) == before
    assert with_config(lora_alpha=12) != before
    assert with_config(use_rslora=True) != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"use_dora": True}, "use_dora, which is no plain product"),
        ({"lora_bias": True}, "lora_bias"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"init_lora_weights": "pissa_niter_4"}, "changes the base weights too"),
        ({"peft_type": "IA3"}, "its kind is IA3"),
    ],
    ids=str,
)
def test_variants_that_are_another_function_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    make(tmp_path, "llama", target_modules=["q_proj"])
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=words):
        AdapterFiles.open(tmp_path)


def test_files_that_are_not_there_or_not_lora(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no {CONFIG}"):
        AdapterFiles.open(tmp_path)
    make(tmp_path, "llama", target_modules=["q_proj"])
    tensors = load_file(tmp_path / WEIGHTS)
    alone = {n: t for n, t in tensors.items() if "lora_B" not in n}
    save_file(alone, tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=r"no part of LoRA: base_model\.model\.model\.layers\.0"):
        AdapterFiles.open(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=f"no {WEIGHTS}"):
        AdapterFiles.open(tmp_path)
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        AdapterFiles.open(tmp_path)


def test_an_adapter_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, "llama", target_modules=["q_proj", "lm_head"])
    found = AdapterFiles.open(tmp_path)
    tied = {n: tuple(p.shape) for n, p in named_parameters(toy_module(tied=True)).items()}
    with pytest.raises(ModelError, match=r"does not have \(or only as a tied copy\): lm_head\.weight"):
        found.check(tied)
    wide = {n: tuple(p.shape) for n, p in named_parameters(toy_module(width=64, tied=False)).items()}
    with pytest.raises(ModelError, match=r"q_proj\.weight is \(64, 64\) in the model and \(32, 32\) there"):
        found.check(wide)
