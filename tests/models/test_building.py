"""A folder is loaded whole and as it was saved, or it is refused with what is wrong."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import corrie
from corrie.errors import ModelError
from corrie.models.load import load
from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_module

State = dict[str, torch.Tensor]
UP = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_toy(tmp_path / "toy")


def change(folder: Path, how: Callable[[State], Any]) -> None:
    state = load_file(folder / "model.safetensors")
    how(state)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def configure(folder: Path, **changed: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changed))


def sizes(**more: Any) -> dict[str, Any]:
    return {
        "vocab_size": 264,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "eos_token_id": 256,
        "bos_token_id": None,
        "pad_token_id": None,
        **more,
    }


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Qwen3Moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}),
        ("GPTNeoX", {}),
        ("Gemma2", {"head_dim": 8}),
        ("Mamba2", {"num_heads": 4, "head_dim": 16, "n_groups": 1, "state_size": 8, "chunk_size": 16}),
    ],
)
def test_logits_are_those_of_transformers(tmp_path: Path, name: str, more: dict[str, Any]) -> None:
    import transformers

    config = getattr(transformers, f"{name}Config")(**sizes(**more))
    torch.manual_seed(0)
    module = AutoModelForCausalLM.from_config(config)
    module.save_pretrained(tmp_path, max_shard_size="20KB")
    byte_tokenizer().save_pretrained(tmp_path)
    reference: Any = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    model = load(tmp_path)
    ids = torch.arange(1, 20)[None]
    with torch.no_grad():
        assert torch.equal(model.module(input_ids=ids).logits, reference(input_ids=ids).logits)
    assert model.module.generation_config.to_dict() == reference.generation_config.to_dict()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (
            lambda s: s.update({f"{UP}_scale": torch.ones(1)}),
            r"1 tensors of its weights have no place .*_scale belongs to",
        ),
        (lambda s: s.update({"model.layers.2.mlp.up_proj.weight": s[UP].clone()}), "no place in the model"),
        (lambda s: s.update({UP: s[UP].to(torch.float8_e4m3fn)}), "float8 or less"),
        (lambda s: s.update({UP: s[UP].to(torch.int8)}), f"{UP} as I8"),
        (lambda s: s.update({UP: s[UP] > 0}), f"{UP} as BOOL"),
        (lambda s: s.update({UP: s[UP].to(torch.complex64)}), f"{UP} as C64"),
        (lambda s: s.update({UP: s[UP][:, :16].contiguous()}), rf"{UP} is \[64, 32\] by config.json and \[64, 16\]"),
        (lambda s: s.update({UP: s[UP].T.contiguous()}), UP),
        (lambda s: s.pop(UP), f"1 tensors are missing from its weights, first {UP}"),
    ],
)
def test_tensors_that_the_model_is_not_of(folder: Path, how: Callable[[State], Any], words: str) -> None:
    model = load(folder)
    change(folder, how)
    with pytest.raises(ModelError, match=words):
        load(folder)
    with pytest.raises(ModelError, match=r"up_proj"):
        corrie.toward(model, folder)


def test_what_old_checkpoints_carry_along_is_passed_over(folder: Path) -> None:
    before = load(folder).identity.fingerprint
    change(
        folder,
        lambda s: s.update(
            {
                "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
                "model.layers.0.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool),
                "model.position_ids": torch.arange(8),
                "mtp.layers.0.weight": torch.ones(2),
            }
        ),
    )
    assert load(folder).identity.fingerprint == before


def test_a_fine_tune_of_no_numbers(folder: Path, tmp_path: Path) -> None:
    tuned = save_toy(tmp_path / "tuned", seed=1)
    for bad, dtype in ((float("nan"), "float32"), (float("inf"), "float32"), (1e30, "float16")):
        change(tuned, lambda s, bad=bad: s[UP].view(-1)[:1].fill_(bad))
        with pytest.raises(ModelError, match=f"{UP} holds what is no number in {dtype}"):
            corrie.toward(load(folder, dtype=dtype), tuned)


@pytest.mark.parametrize(
    "changed",
    [
        {"num_labels": 10**9},
        {"num_hidden_layers": 10**8},
        {"num_hidden_layers": 90},
        {"vocab_size": 10**8},
        {"vocab_size": 10**30},
        {"hidden_size": 2**20},
        {"intermediate_size": 2**27},
        {"num_attention_heads": 10**9},
        {"num_attention_heads": 0},
        {"num_attention_heads": -4},
        {"num_key_value_heads": 0},
        {"num_key_value_heads": 3},
        {"hidden_size": None},
        {"hidden_size": "32"},
        {"rms_norm_eps": "small"},
        {"hidden_act": "no such"},
        {"hidden_act": ["silu"]},
        {"rope_parameters": {"rope_type": "linear"}},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 0, "factor": "x"}},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 0.0}},
        {"architectures": "LlamaForCausalLM"},
        {"model_type": 5},
        {"model_type": None},
        {"dtype": "float9"},
        {"transformers_weights": "other.safetensors"},
        {"attn_implementation": "someone/kernels"},
        {"quantization_config": "x"},
        {"text_config": {"num_hidden_layers": 10**9}},
    ],
    ids=str,
)
def test_a_config_of_no_sense_is_refused_at_once(folder: Path, changed: dict[str, Any]) -> None:
    configure(folder, **changed)
    start = time.process_time()
    with pytest.raises(ModelError, match=r"config\.json|quantised|missing"):
        load(folder)
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", "[" * 100_000),
        ("config.json", "[]"),
        ("config.json", '{"model_type": "\\ud800"}'),
        ("tokenizer.json", "{"),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", '{"model": {"type": "BPE", "vocab": {"a": 2147483648}, "merges": []}}'),
        ("tokenizer_config.json", "[1]"),
        ("tokenizer_config.json", '{"tokenizer_class": 5}'),
        ("generation_config.json", '{"eos_token_id": [[{}]], "num_beams": "x"}'),
        ("generation_config.json", "["),
        ("model.safetensors.index.json", "{}"),
    ],
)
def test_a_damaged_side_file_is_named(folder: Path, name: str, text: str) -> None:
    if name.endswith("index.json"):
        (folder / "model.safetensors").unlink()
        toy_module().save_pretrained(folder, max_shard_size="20KB")
    (folder / name).write_text(text)
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load(folder)


@pytest.mark.parametrize("pattern", ["(" * 500 + "a" + ")" * 500, "(a{9999}){9999}", "a" * 30_000])
def test_a_regular_expression_that_would_end_the_process(folder: Path, pattern: str) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read \(a regular expression in it"):
        load(folder)


DOUBLE = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
LONG = {"type": "Replace", "pattern": {"Regex": "a"}, "content": "b" * 20_000}
BYTES = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
AROUND = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "x", "type_id": 0}}] * 30 + [{"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"x": {"id": "x", "ids": [3] * 300, "tokens": ["a"] * 300}},
}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("normalizer", {"type": "Sequence", "normalizers": [DOUBLE] * 40}),
        ("normalizer", LONG),
        ("decoder", {"type": "Sequence", "decoders": [DOUBLE] * 40}),
        ("pre_tokenizer", {"type": "Sequence", "pretokenizers": [BYTES] * 40}),
        ("post_processor", AROUND),
    ],
)
def test_a_tokenizer_that_makes_a_text_without_end(folder: Path, part: str, value: dict[str, Any]) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {part: value}))
    with pytest.raises(ModelError, match=rf"tokenizer\.json cannot be read \(its {part} may"):
        load(folder)


def test_steps_that_rewrite_other_letters_are_fine(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    steps = [{"type": "Replace", "pattern": {"String": f"{i}{i}"}, "content": str(i)} for i in range(10)]
    changed = tokenizer | {"normalizer": {"type": "Sequence", "normalizers": steps}}
    (folder / "tokenizer.json").write_text(json.dumps(changed))
    assert load(folder).encoder.encode("11") == load(folder).encoder.encode("1")


def test_a_model_that_computes_no_number(folder: Path) -> None:
    configure(folder, rms_norm_eps=float("nan"))
    with pytest.raises(ModelError, match=r"computes in float32 from finite weights is no number.*config\.json"):
        load(folder)


def test_a_pipe_in_the_folder(folder: Path) -> None:
    os.mkfifo(folder / "special_tokens_map.json")
    with pytest.raises(ModelError, match=r"special_tokens_map\.json is no plain file"):
        load(folder)
