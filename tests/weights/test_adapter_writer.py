"""An adapter that is written with changes keeps everything else, bit for bit and byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from corrie.weights.adapter import WEIGHTS, AdapterFiles
from corrie.weights.adapter_config import ADAPTER_CONFIG
from corrie.weights.adapter_writer import write_changed

LAYER = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"


def test_only_what_is_changed_is_changed(tmp_path: Path) -> None:
    tensors = {LAYER.format("A"): torch.randn(2, 5).bfloat16(), LAYER.format("B"): torch.randn(3, 2).bfloat16()}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    save_file(tensors, tmp_path / "one" / WEIGHTS)
    (tmp_path / "one" / ADAPTER_CONFIG).write_text(
        json.dumps({"r": 2, "peft_type": "LORA", "lora_alpha": 1e-5}, indent=7)
    )
    write_changed(
        tmp_path / "two", AdapterFiles.open(tmp_path / "one"), {LAYER.format("B"): lambda b: b.float() / 3}, {"a": "b"}
    )
    found = load_file(tmp_path / "two" / WEIGHTS)
    assert {n: t.dtype for n, t in found.items()} == {LAYER.format("A"): torch.bfloat16, LAYER.format("B"): torch.float}
    assert torch.equal(found[LAYER.format("A")], tensors[LAYER.format("A")])
    assert torch.equal(found[LAYER.format("B")], tensors[LAYER.format("B")].float() / 3)
    assert (tmp_path / "two" / ADAPTER_CONFIG).read_bytes() == (tmp_path / "one" / ADAPTER_CONFIG).read_bytes()
    assert AdapterFiles.open(tmp_path / "two").files.notes == {"format": "pt", "a": "b"}
