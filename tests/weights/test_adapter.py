"""An adapter's direction against what PEFT itself makes of it: the merged model minus the model."""

import copy
import functools
import json
import math
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from corrie.errors import InputError, LeftOutWarning, ModelError, OtherBaseWarning
from corrie.models.directions import adapter as look_at
from corrie.models.load import from_module
from corrie.models.write import write_at
from corrie.records.direction import Gaussian
from corrie.records.paths import Adapter
from corrie.records.point import Point
from corrie.records.subspace import Span
from corrie.subspaces.written_space import span
from corrie.testing.toy_models import byte_tokenizer, toy_module
from corrie.weights.adapter import WEIGHTS, AdapterFiles, is_adapter
from corrie.weights.adapter_config import ADAPTER_CONFIG
from corrie.weights.layout import Layout
from corrie.weights.perturbed import moving, perturbed
from corrie.weights.realise import realise
from corrie.weights.selection import named_parameters, select
from corrie.weights.sizes import sizes
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
    content, sources = AdapterFiles.open(folder).content(), Sources(layout=Layout.of(base))
    sources.add(content, folder)
    pristine = {n: p.data for n, p in named_parameters(base).items()}
    return dict(realise(Adapter(content=content), pristine, sources).tensors)


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_merged_difference(tmp_path: Path, case: str) -> None:
    architecture, settings = CASES[case]
    base, merged = make(tmp_path, architecture, **settings)
    before = named_parameters(base)
    AdapterFiles.open(tmp_path).check(Layout.of(base))
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
    config = json.loads((tmp_path / ADAPTER_CONFIG).read_text())
    before = AdapterFiles.open(tmp_path).content()

    def with_config(**changes: Any) -> str:
        (tmp_path / ADAPTER_CONFIG).write_text(json.dumps({**config, **changes}))
        return AdapterFiles.open(tmp_path).content()

    assert with_config(base_model_name_or_path="elsewhere", lora_dropout=0.5) == before
    assert with_config(lora_alpha=12) != before
    assert with_config(use_rslora=True) != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a_new_setting": 3}, "sets a_new_setting, and what that does is not known"),
        ({"init_lora_weights": "loftq"}, "init_lora_weights=loftq"),
        ({"layer_replication": [[0, 1]]}, "layer_replication"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
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
    config = json.loads((tmp_path / ADAPTER_CONFIG).read_text())
    (tmp_path / ADAPTER_CONFIG).write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=words):
        AdapterFiles.open(tmp_path)


def test_files_that_are_not_there_or_not_lora(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no {ADAPTER_CONFIG}"):
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
    (tmp_path / ADAPTER_CONFIG).write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        AdapterFiles.open(tmp_path)


def test_an_adapter_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, "llama", target_modules=["q_proj", "lm_head"])
    found = AdapterFiles.open(tmp_path)
    with pytest.raises(ModelError, match=r"does not have: lm_head\.base_layer\.weight|does not have: lm_head\.weight"):
        found.check(replace(Layout.of(toy_module()), tied={}))
    with pytest.raises(ModelError, match=r"q_proj\.weight is \(64, 64\) in the model and \(32, 32\) there"):
        found.check(Layout.of(toy_module(width=64, tied=False)))
    make(tmp_path, "llama", target_modules=["embed_tokens"])
    found, layout = AdapterFiles.open(tmp_path), Layout.of(toy_module(tied=False))
    with pytest.raises(ModelError, match="is of kind linear"):
        found.check(replace(layout, kinds=dict.fromkeys(layout.kinds, "linear")))


TIED: dict[str, dict[str, Any]] = {
    "the embedding": {"target_modules": ["embed_tokens"]},
    "the head": {"target_modules": ["q_proj", "lm_head"]},
    "both, each by itself": {"target_modules": ["embed_tokens", "lm_head"]},
    "both, one for the other": {"target_modules": ["embed_tokens", "lm_head"], "ensure_weight_tying": True},
    "the head whole": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "the embedding whole": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    "one whole, one by factors": {"target_modules": ["embed_tokens"], "modules_to_save": ["lm_head"]},
}
CONV1D: dict[str, dict[str, Any]] = {
    "square": {"target_modules": r".*attn\.c_proj|lm_head"},
    "all": {"target_modules": "all-linear"},
}
IDS = torch.arange(3, 19)[None]


def live(folder: Path, base: nn.Module, **settings: Any) -> nn.Module:
    """PEFT's own model with random numbers, saved into a folder."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        terms = {"r": 3, "lora_alpha": 6, "init_lora_weights": False, "task_type": "CAUSAL_LM"} | settings
        net = peft.get_peft_model(copy.deepcopy(base), peft.LoraConfig(**terms)).eval()
        for parameter in net.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn_like(parameter)
        net.save_pretrained(folder)
    return net


@torch.no_grad()
def logits(module: nn.Module) -> torch.Tensor:
    return module(input_ids=IDS, use_cache=False).logits[0]


def moved(module: nn.Module, folder: Path, alpha: float = 1.0) -> torch.Tensor:
    """Logits at α along the adapter, and a check that all is as before afterwards."""
    model = from_module(module, byte_tokenizer(), name="toy")
    before, dimension = logits(module), model.selection.dimension
    way = look_at(model, folder)
    with perturbed(model, Point.along(way, alpha)):
        there = logits(module)
    assert torch.equal(logits(module), before)
    assert select(module).dimension == dimension  # tied as it was
    return there


@pytest.mark.parametrize("case", TIED)
def test_on_a_tied_model_it_is_the_live_model(tmp_path: Path, case: str) -> None:
    base: Any = toy_module(tied=True)
    wanted = logits(live(tmp_path, base, **TIED[case]))
    torch.testing.assert_close(moved(base, tmp_path), wanted, rtol=1e-5, atol=1e-4)
    assert float((wanted - logits(base)).abs().max()) > 1


@pytest.mark.parametrize("case", CONV1D)
def test_each_layer_turns_its_matrix_by_its_own_kind(tmp_path: Path, case: str) -> None:
    base: Any = toy_module("gpt2", tied=False)
    wanted = logits(live(tmp_path, base, **CONV1D[case]))
    torch.testing.assert_close(moved(base, tmp_path), wanted, rtol=1e-5, atol=1e-4)


def test_a_gaussian_after_it_moves_the_tied_tensor_as_one(tmp_path: Path) -> None:
    """Its own numbers are drawn for the tensors of the model, not for the two that a path has parted."""
    base: Any = toy_module(tied=True)
    live(tmp_path, base, target_modules=["lm_head"])
    model = from_module(base, byte_tokenizer(), name="toy")
    way, noise = look_at(model, tmp_path), Point.along(Gaussian(seed=2), 0.1)
    with moving(model.selection, model.sources) as weights:
        weights.to(noise)
        wanted = logits(base)
    with moving(model.selection, model.sources) as weights:
        weights.to(Point.along(way, 1.0))
        weights.to(noise)
        assert torch.equal(logits(base), wanted)


def test_a_gaussian_beside_it_moves_the_tied_tensor_as_one(tmp_path: Path) -> None:
    base: Any = toy_module(tied=True)
    live(tmp_path, base, target_modules=["lm_head"])
    model = from_module(base, byte_tokenizer(), name="toy")
    way, noise = look_at(model, tmp_path), Gaussian(seed=1)
    with moving(model.selection, model.sources) as weights:
        weights.to(Point.along(noise, 0.1))
        shared = base.get_input_embeddings().weight.detach().clone()
        weights.to(Point(steps=(*Point.along(way, 1.0).steps, *Point.along(noise, 0.1).steps)))
        head, rows = base.get_output_embeddings().weight, base.get_input_embeddings().weight
        delta = AdapterFiles.open(tmp_path).delta("lm_head.weight")
        torch.testing.assert_close(rows.detach(), shared)
        torch.testing.assert_close(head.detach(), shared + delta, rtol=0, atol=1e-5)
        weights.to(Point.along(noise, 0.1))
        assert base.get_output_embeddings().weight is base.get_input_embeddings().weight
        assert torch.equal(rows, shared)


@pytest.mark.parametrize("tied", [True, False])
def test_a_larger_vocabulary_moves_the_rows_that_both_have(tmp_path: Path, tied: bool) -> None:
    base: Any = toy_module(tied=tied)
    grown: Any = copy.deepcopy(base)
    grown.resize_token_embeddings(272)
    wanted = logits(live(tmp_path, grown, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"]))
    with pytest.warns(
        LeftOutWarning, match=r"8 rows of lm_head\.weight that the model does not have are left out \(L2"
    ):
        there = moved(base, tmp_path)
    torch.testing.assert_close(there, wanted[:, :264], rtol=1e-5, atol=1e-4)


def test_another_base_is_said(tmp_path: Path) -> None:
    base: Any = toy_module()
    live(tmp_path, base, target_modules=["q_proj"])
    change(tmp_path, base_model_name_or_path="someone/zebra-1b")
    with pytest.warns(OtherBaseWarning, match="it names zebra-1b as its base, and moves toy"):
        moved(base, tmp_path)


def change(folder: Path, **settings: Any) -> None:
    raw = json.loads((folder / ADAPTER_CONFIG).read_text())
    (folder / ADAPTER_CONFIG).write_text(json.dumps({**raw, **settings}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target_modules": ["v_proj"]}, r"matrices of model\.layers\.0\.self_attn\.q_proj, and target_modules in"),
        ({"exclude_modules": ["q_proj"]}, "exclude_modules in"),
        ({"layers_to_transform": [1]}, "layers_to_transform in"),
        (
            {"modules_to_save": ["norm"]},
            "modules_to_save in its adapter_config.json means tensors that it does not hold",
        ),
        ({"r": 4}, "is 3 in its tensors, and 4 by r and rank_pattern"),
    ],
    ids=str,
)
def test_settings_that_leave_tensors_unused_are_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    make(tmp_path, "llama", target_modules=["q_proj"])
    change(tmp_path, **settings)
    with pytest.raises(ModelError, match=words):
        AdapterFiles.open(tmp_path).check(Layout.of(toy_module(tied=False)))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_is_refused_by_the_tensors_name(tmp_path: Path, number: float) -> None:
    make(tmp_path, "llama", target_modules=["q_proj"])
    tensors = load_file(tmp_path / WEIGHTS)
    name = min(n for n in tensors if "lora_B" in n)
    tensors[name][0, 0] = number
    save_file(tensors, tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=rf"{re.escape(name)} holds what is no number"):
        AdapterFiles.open(tmp_path).check(Layout.of(toy_module(tied=False)))


def test_only_the_folders_own_files_are_read(tmp_path: Path) -> None:
    good, linked, cached = tmp_path / "good", tmp_path / "linked", tmp_path / "hub" / "snapshots" / "main"
    make(good, "llama", target_modules=["q_proj"])
    blobs = tmp_path / "hub" / "blobs"
    for folder in (linked, cached, blobs):
        folder.mkdir(parents=True)
    for number, name in enumerate((ADAPTER_CONFIG, WEIGHTS)):
        (linked / name).symlink_to(good / name)
        (blobs / str(number)).write_bytes((good / name).read_bytes())
        (cached / name).symlink_to(Path("..") / ".." / "blobs" / str(number))
    assert AdapterFiles.open(cached).content() == AdapterFiles.open(good).content()
    with pytest.raises(ModelError, match=f"{ADAPTER_CONFIG} is a link out of the folder"):
        AdapterFiles.open(linked)
    (good / WEIGHTS).rename(good / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"adapter_model\.bin is pickled"):
        AdapterFiles.open(good)
    with pytest.raises(ModelError, match="but adapters in good, linked"):
        AdapterFiles.open(tmp_path)


def test_a_config_beside_makes_it_no_model(tmp_path: Path) -> None:
    make(tmp_path, "llama", target_modules=["q_proj"])
    (tmp_path / "config.json").write_text("{}")
    assert is_adapter(tmp_path)
    save_file({"w": torch.ones(1)}, tmp_path / "model.safetensors")
    assert not is_adapter(tmp_path)


@functools.cache
def experts(architecture: str) -> nn.Module:
    """A tiny mixture of experts, whose experts are fused into parameters of three indices."""
    from transformers import AutoModelForCausalLM, GptOssConfig, Qwen3MoeConfig

    sizes: Any = {"vocab_size": 264, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "head_dim": 8}
    sizes |= {"num_key_value_heads": 2, "num_experts_per_tok": 2, "initializer_range": 0.2, "eos_token_id": 256}
    if architecture == "qwen3_moe":
        config: Any = Qwen3MoeConfig(**sizes, num_experts=4, moe_intermediate_size=48)
    else:
        config = GptOssConfig(**sizes, num_local_experts=4, intermediate_size=48, bos_token_id=None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config).eval()


PARAMETERS: dict[str, dict[str, Any]] = {
    "both stacks, of other ranks": {
        "target_modules": ["q_proj"],
        "target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
        "rank_pattern": {r".*\.gate_up_proj": 2},
        "alpha_pattern": {"down_proj": 9},
    },
    "one stack": {"target_modules": [], "target_parameters": ["experts.down_proj"], "use_rslora": True},
    "the router": {"target_modules": ["q_proj"], "target_parameters": ["gate.weight", "router.weight"]},
}


@pytest.mark.parametrize("architecture", ["qwen3_moe", "gpt_oss"])
@pytest.mark.parametrize("case", PARAMETERS)
def test_fused_experts_are_the_live_model(tmp_path: Path, architecture: str, case: str) -> None:
    base = experts(architecture)
    wanted = logits(live(tmp_path, base, **PARAMETERS[case]))
    torch.testing.assert_close(moved(base, tmp_path), wanted, rtol=1e-5, atol=1e-4)
    assert float((wanted - logits(base)).abs().max()) > 0.1


def test_a_part_of_the_way_on_a_tied_model_is_written_and_read_again(tmp_path: Path) -> None:
    base: Any = toy_module(tied=True)
    live(tmp_path / "whole", base, target_modules=["q_proj", "embed_tokens"], modules_to_save=["lm_head"])
    model = from_module(base, byte_tokenizer(), name="toy")
    write_at(model, look_at(model, tmp_path / "whole"), 0.5, tmp_path / "half")
    again = peft.PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / "half").eval()
    torch.testing.assert_close(moved(base, tmp_path / "whole", 0.5), logits(again), rtol=1e-5, atol=1e-4)


def test_sizes_beside_a_direction_that_knows_the_head_as_the_embedding(tmp_path: Path) -> None:
    base: Any = toy_module(tied=True)
    live(tmp_path, base, target_modules=["lm_head"])
    model = from_module(base, byte_tokenizer(), name="toy")
    way, head = look_at(model, tmp_path), AdapterFiles.open(tmp_path).delta("lm_head.weight")
    own = {n: p.detach() for n, p in model.selection.tensors.items()}
    noise = realise(Gaussian(seed=1), own).tensors
    found = sizes(way, own, model.sources, Gaussian(seed=1))
    twice = noise["model.embed_tokens.weight"]
    length = math.sqrt(sum(float(t.square().sum()) for t in noise.values()) + float(twice.square().sum()))
    assert found.norms["lm_head.weight"] == pytest.approx(float(head.norm()), rel=1e-5)
    assert found.norms["model.embed_tokens.weight"] == 0
    assert found.other == pytest.approx(length, rel=1e-5)
    assert found.cosine == pytest.approx(float((head * twice).sum()) / float(head.norm()) / length, rel=1e-3, abs=1e-6)


def test_a_parting_direction_lies_in_no_subspace(tmp_path: Path) -> None:
    base: Any = toy_module(tied=True)
    live(tmp_path, base, target_modules=["lm_head"])
    model = from_module(base, byte_tokenizer(), name="toy")
    way = look_at(model, tmp_path)
    with pytest.raises(InputError, match=r"moves lm_head\.weight away from the tensor that it is tied to"):
        span(model.selection, Span(of=(way,)), model.sources)
