"""Under which names vLLM takes a model's tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from corrie.errors import InputError, ModelError
from corrie.models.load import load
from corrie.models.vllm import serving
from corrie.models.vllm.here import VllmHere
from corrie.models.vllm.serving import checkpoint_names, refuse_unserved
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_model


def stored(folder: Path) -> set[str]:
    with safe_open(folder / "model.safetensors", "pt") as file:
        return set(file.keys())


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_every_stored_tensor_has_its_name(kind: Any, tmp_path: Path) -> None:
    folder = save_toy(tmp_path / kind, kind)
    found = checkpoint_names(load(folder))
    assert set(found.values()) == stored(folder)


def test_tensors_that_are_joined_in_memory_are_refused(tmp_path: Path) -> None:
    """Experts lie one by one on the disk."""
    tiny_module("mixtral").save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"experts\.\S+ is in memory as no tensor of its checkpoint is"):
        checkpoint_names(load(tmp_path))


def test_models_that_vllm_could_not_load_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(serving, "vllm_here", lambda: VllmHere("vllm", "0.33", "cuda"))
    with pytest.raises(InputError, match="the model was made in memory; vLLM has to load it"):
        refuse_unserved(toy_model())
    with pytest.raises(InputError, match=r"on cpu, and vllm is built for cuda\. Try: --device cuda"):
        refuse_unserved(load(save_toy(tmp_path)))
    spread = load(tmp_path)
    spread.module.get_submodule("model.norm").to("meta")
    with pytest.raises(InputError, match="the model lies on cpu, meta, and vLLM's copy lies on one"):
        refuse_unserved(spread)
