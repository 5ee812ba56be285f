"""GGUF: what a file says is what is loaded, or it is refused with its name."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from corrie.errors import ModelError
from corrie.models.gguf import NOTE_FILE, convert_gguf
from corrie.models.gguf_header import read_header
from corrie.models.load import load
from corrie.models.rope_factors import llama3_factors
from corrie.testing.toy_gguf import save_toy_gguf
from corrie.testing.toy_models import toy_module

gguf: Any = pytest.importorskip("gguf")

SIZES: dict[str, Any] = {
    "vocab_size": 264,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 256,
    "tie_word_embeddings": True,
}
LONG = torch.arange(200)[None] % 256


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@torch.no_grad()
def logits(module: Any) -> torch.Tensor:
    return module(input_ids=LONG, use_cache=False).logits


def llama(**rope: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters={"rope_theta": 10000.0, **rope})).eval()


def test_a_file_is_dequantised_once(tmp_path: Path, own_cache: Path) -> None:
    """A tiny Llama written in Q8_0: the loaded weights are its dequantised values."""
    module = toy_module("llama", width=32)
    file = save_toy_gguf(tmp_path / "tiny.gguf", module, kind="Q8_0")
    model = load(file)
    assert model.identity.notes == ("weights are dequantised Q8_0 values of a GGUF file",)
    name = "model.layers.0.mlp.down_proj.weight"
    original = dict(module.named_parameters())[name].detach().numpy()
    expected = gguf.quants.dequantize(gguf.quants.quantize(original, gguf.GGMLQuantizationType.Q8_0), 8)
    assert torch.equal(model.selection.tensors[name].detach(), torch.from_numpy(expected))
    (converted,) = own_cache.iterdir()
    stamp = (converted / "model.safetensors").stat().st_mtime_ns
    assert load(file).identity.fingerprint == model.identity.fingerprint
    assert (converted / "model.safetensors").stat().st_mtime_ns == stamp


def test_llama_3_keeps_its_rotary_factors(tmp_path: Path) -> None:
    rule: dict[str, Any] = {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    module = llama(**rule, original_max_position_embeddings=64)
    factors = llama3_factors(10000.0, 4, 32.0, 64)
    inverse = 10000.0 ** (-torch.arange(4) / 4) / torch.tensor(factors)
    assert torch.allclose(module.model.rotary_emb.inv_freq, inverse, rtol=1e-5)
    model = load(save_toy_gguf(tmp_path / "m.gguf", module, more={"rope_freqs.weight": factors}))
    assert torch.allclose(logits(model.module), logits(module), atol=1e-4)
    assert "rope_freqs.weight is kept as rope parameters of type llama3" in model.identity.notes
    assert not torch.allclose(logits(model.module), logits(llama().eval()), atol=1e-1)


def test_factors_of_no_rule_are_kept_as_they_are(tmp_path: Path) -> None:
    module = llama()
    factors = [1.0, 1.7, 3.0, 2.5]
    model = load(save_toy_gguf(tmp_path / "m.gguf", module, more={"rope_freqs.weight": factors}))
    module.model.rotary_emb.inv_freq /= torch.tensor(factors)
    assert torch.allclose(logits(model.module), logits(module), atol=1e-4)


@pytest.mark.parametrize(
    ("says", "rope"),
    [
        (
            {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0},
            {"rope_type": "linear", "factor": 4.0},
        ),
        (
            {
                "llama.rope.scaling.type": "yarn",
                "llama.rope.scaling.factor": 4.0,
                "llama.rope.scaling.original_context_length": 64,
            },
            {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
        ),
        ({"llama.rope.scaling.type": "none"}, {}),
    ],
)
def test_rope_scaling_of_the_header(tmp_path: Path, says: dict[str, Any], rope: dict[str, Any]) -> None:
    module = llama(**rope)
    model = load(save_toy_gguf(tmp_path / "m.gguf", module, says=says))
    assert torch.allclose(logits(model.module), logits(module), atol=1e-4)


def test_qwen2_is_read_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Qwen2ForCausalLM(Qwen2Config(**SIZES, rope_parameters={"rope_theta": 1e6, "rope_type": "default"})).eval()
    model = load(save_toy_gguf(tmp_path / "m.gguf", module, architecture="qwen2"))
    assert torch.allclose(logits(model.module), logits(module), atol=1e-4)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"llama.rope.scaling.type": "longrope"}, r"rope\.scaling\.type = longrope"),
        ({"llama.attention.sliding_window": 16}, r"sliding_window = 16"),
        ({"llama.final_logit_softcapping": 30.0}, "final_logit_softcapping = 30.0"),
        ({"llama.logit_scale": 0.25}, "logit_scale = 0.25"),
        ({"llama.expert_count": 4}, "expert_count = 4"),
        ({"llama.attention.key_length": 4}, "key_length = 4, and it is loaded with 8"),
        ({"llama.something.new": 3}, "something.new = 3, and that is not known to be read"),
        ({"llama.embedding_length": 2**31}, "embedding_length = 2147483648"),
        ({"llama.block_count": 2**31}, "block_count = 2147483648"),
        ({"llama.block_count": 1}, "tensors were passed over, first blk.1"),
        ({"split.count": 3}, "it is one part of 3"),
        ({"general.type": "adapter"}, "it holds no model but 'adapter'"),
    ],
)
def test_what_the_header_says_and_is_not_loaded(tmp_path: Path, says: dict[str, Any], words: str) -> None:
    file = save_toy_gguf(tmp_path / "m.gguf", toy_module(), says=says)
    with pytest.raises(ModelError, match=words):
        load(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"without": ("blk.1.attn_q.weight",)}, "1 tensors are missing, first model.layers.1.self_attn.q_proj.weight"),
        ({"without": ("token_embd.weight",)}, "missing"),
        ({"more": {"blk.0.attn_q.bias": [0.1] * 32}}, "tensors were passed over, first blk.0.attn_q.bias"),
        ({"more": {"rope_freqs.weight": [2.0] * 3}}, "3 factors for heads of 8"),
        ({"more": {"rope_freqs.weight": [0.0] * 4}}, "cannot be kept"),
    ],
)
def test_tensors_that_are_missing_or_left_over(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    file = save_toy_gguf(tmp_path / "m.gguf", toy_module(), **change)
    with pytest.raises(ModelError, match=words):
        load(file)


def test_a_length_beyond_the_file_is_refused_at_once(tmp_path: Path) -> None:
    key = b"tokenizer.ggml.tokens"
    for kind, count in ((8, 2**63), (4, 2**62), (8, 2**40)):
        start = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", len(key)) + key
        file = tmp_path / "m.gguf"
        file.write_bytes(start + struct.pack("<IIQ", 9, kind, count) + b"\0" * 1000)
        with pytest.raises(ModelError, match="values follow, and ends before"):
            load(file)


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = save_toy_gguf(tmp_path / "m.gguf", toy_module()).read_bytes()
    header = read_header(tmp_path / "m.gguf")
    assert header.architecture == "llama"
    assert header.shapes["blk.0.ffn_down.weight"] == (32, 64)
    for share in (0.0001, 0.01, 0.1, 0.5, 0.999):
        (tmp_path / "m.gguf").write_bytes(whole[: max(4, int(len(whole) * share))])
        with pytest.raises(ModelError, match="cannot be read"):
            load(tmp_path / "m.gguf")


def test_what_lies_beside_a_file_is_not_read(tmp_path: Path) -> None:
    file = save_toy_gguf(tmp_path / "m.gguf", toy_module())
    for name in ("adapter_config.json", "config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("no json")
    assert load(file).identity.name == "m.gguf"


@pytest.mark.parametrize("damage", ["cut", "bytes", "gone", "old", "note"])
def test_a_damaged_folder_in_the_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    file = save_toy_gguf(tmp_path / "m.gguf", toy_module())
    folder = convert_gguf(file)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    note = json.loads((folder / NOTE_FILE).read_text())
    if damage == "cut":
        weights.write_bytes(whole[:-100])
    elif damage == "bytes":
        weights.write_bytes(whole[:-4] + b"\0\0\0\1")
    elif damage == "gone":
        (folder / "tokenizer.json").unlink()
    elif damage == "old":
        (folder / NOTE_FILE).write_text(json.dumps({"source": note["source"], "notes": note["notes"]}))
    else:
        (folder / NOTE_FILE).write_text("{")
    assert convert_gguf(file) == folder
    assert weights.read_bytes() == whole
    assert (folder / "tokenizer.json").is_file()


def test_a_folder_that_was_only_copied_stays(tmp_path: Path) -> None:
    file = save_toy_gguf(tmp_path / "m.gguf", toy_module())
    folder = convert_gguf(file)
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(folder)
    (tmp_path / "copy").rename(folder)
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    convert_gguf(file)
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
