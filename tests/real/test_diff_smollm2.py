"""A gate on the embedded model: a destructive adapter is caught, pulled back, and then passes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import corrie

pytestmark = pytest.mark.real

NAME = "smollm2-135m-instruct"


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "corrie.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )


def save_random_adapter(folder: Path, distance: float, rank: int = 4) -> Path:
    """LoRA on every down_proj, random, with ‖s·B A‖ near ``distance`` over all layers (s = 1)."""
    layers, width, inner = 30, 576, 1536
    dice = torch.Generator().manual_seed(0)
    each = distance / layers**0.5 / (rank * width * inner) ** 0.5
    tensors = {}
    for layer in range(layers):
        name = f"base_model.model.model.layers.{layer}.mlp.down_proj"
        tensors[f"{name}.lora_A.weight"] = torch.randn(rank, inner, generator=dice)
        tensors[f"{name}.lora_B.weight"] = each * torch.randn(width, rank, generator=dice)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": ["down_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": NAME}))
    return folder


def test_a_destructive_adapter_is_caught_and_pulled_back(tmp_path: Path) -> None:
    adapter, run = save_random_adapter(tmp_path / "adapter", distance=300.0), tmp_path / "run"
    quick = ["--directions", "0", "--alpha", "1", "--to", run, "--json"]
    said = command("diff", NAME, adapter, "-t", "knowledge:20", *quick)
    assert said.returncode == 3, said.stderr
    found = json.loads(said.stdout)
    assert found["lost"] == ["knowledge"]
    assert found["move"]["distance"] == pytest.approx(300, rel=0.05)
    assert [p["name"] for p in found["move"]["kinds"] if p["share"]] == ["down_proj"]
    assert len(found["move"]["layers"]) == 31
    model, (knowledge,) = corrie.load(NAME), corrie.tasks("knowledge")
    terms = {"tolerance": 0.4, "to": run}  # of ten examples: a finer tolerance would hang on a single one
    pulled = corrie.retract(model, adapter, [(knowledge, 10)], out=tmp_path / "back", **terms)
    assert 0 < pulled.alpha < 1
    passed = corrie.diff(model, tmp_path / "back", tasks=[(knowledge, 10)], alpha="1", directions=0, **terms)
    assert passed.lost == ()
    assert passed.move.distance == pytest.approx(pulled.distance, rel=1e-4)
