"""Loading: what works, and what is refused with a reason."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from corrie.errors import FetchError, InputError, ModelError, UnknownName
from corrie.models.load import from_module, load
from corrie.testing.toy_models import Architecture, byte_tokenizer, save_toy, toy_module
from corrie.weights.fingerprint import model_fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_toy(tmp_path / "toy")


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_a_folder_is_loaded_as_it_was_saved(tmp_path: Path, architecture: Architecture) -> None:
    saved = save_toy(tmp_path / "toy", architecture)
    model = load(saved)
    assert model.identity.fingerprint == model_fingerprint(toy_module(architecture))
    assert model.identity.name == "toy"
    assert model.identity.parameters == sum(p.numel() for p in model.module.parameters())
    assert not model.module.training


def test_the_tensor_names_are_the_checkpoints(folder: Path) -> None:
    model = load(folder)
    assert set(model.selection.tensors) == set(load_file(folder / "model.safetensors"))


def test_precision_is_part_of_the_identity(folder: Path) -> None:
    single, half = load(folder), load(folder, dtype="bfloat16")
    assert next(half.module.parameters()).dtype == torch.bfloat16
    assert single.identity.fingerprint != half.identity.fingerprint
    assert (single.identity.dtype, half.identity.dtype) == ("float32", "bfloat16")


def test_what_moves_is_chosen_by_patterns(folder: Path) -> None:
    model = load(folder, include=("*.mlp.*",), exclude=("*.layers.1.*",))
    assert {n.split(".")[2] for n in model.selection.tensors} == {"0"}
    assert model.identity.dimension == model.selection.dimension < model.identity.parameters


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("smollm2-135m-instrct", "Did you mean 'smollm2-135m-instruct'"),
        ("no-such-model", "no model named 'no-such-model'"),
    ],
)
def test_an_unknown_name(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownName, match=words):
        load(name)


def test_a_hub_name_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FetchError, match="the hub did not give it"):
        load("nobody/no-such-model")


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "missing.gguf", "a/b/c"])
def test_a_path_to_nothing(name: str) -> None:
    with pytest.raises(ModelError, match="no such folder or file"):
        load(name)


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelError, match=r"no config.json in it \(it holds notes.txt\)"):
        load(tmp_path)


def test_a_config_that_is_not_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        load(folder)


def test_a_model_that_is_no_causal_lm(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["LlamaForSequenceClassification"]}))
    with pytest.raises(ModelError, match="LlamaForSequenceClassification is no causal language model"):
        load(folder)


def test_an_adapter_beside_the_weights_is_not_applied(folder: Path) -> None:
    plain = load(folder)
    _adapter_files(folder)
    found = load(folder)
    assert found.identity.fingerprint == plain.identity.fingerprint
    assert set(found.selection.tensors) == set(plain.selection.tensors)
    assert any("an adapter lies beside its weights and is not applied" in note for note in found.identity.notes)
    assert not plain.identity.notes


def test_an_adapter_with_a_config_beside_it_is_no_model(folder: Path) -> None:
    _adapter_files(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds a LoRA adapter and no model of its own\. Try: its base as the model"):
        load(folder)


def _adapter_files(folder: Path) -> None:
    """What PEFT would write for a rank-1 adapter of q_proj, in a folder."""
    names = [f"base_model.model.model.layers.{n}.self_attn.q_proj.lora_{f}.weight" for n in (0, 1) for f in "AB"]
    save_file(
        {n: torch.ones(*((1, 32) if "_A" in n else (32, 1))) for n in names}, folder / "adapter_model.safetensors"
    )
    settings = {"peft_type": "LORA", "r": 1, "lora_alpha": 2, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps({**settings, "base_model_name_or_path": "toy"}))


def test_pickled_weights_are_refused_with_the_command_that_converts_them(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pickled.*save_pretrained\('.*toy-safetensors'\)"):
        load(folder)


def test_quantised_weights_are_refused_with_advice(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"quantised \(bitsandbytes\).*Try: the float checkpoint"):
        load(folder)


def test_code_in_a_checkpoint_is_not_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(f"open({str(folder / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="code of its own"):
        load(folder)
    assert not (folder / "ran").exists()


def test_damaged_and_missing_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    weights = load_file(file)
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 tensors are missing.*model.layers.1.mlp.up_proj.weight"):
        load(folder)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="damaged weights"):
        load(folder)
    file.unlink()
    with pytest.raises(ModelError, match="no weights"):
        load(folder)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(folder: Path, bad: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = bad
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"not numbers .* in 1 tensors, first model.norm.weight"):
        load(folder)


def test_a_gguf_file_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match="begins with b'<htm', not b'GGUF'"):
        load(file)
    file.write_bytes(b"GGUF" + os.urandom(100))
    with pytest.raises(ModelError, match="it cannot be read"):
        load(file)


def test_a_dtype_and_a_device_that_are_not_there(folder: Path) -> None:
    with pytest.raises(InputError, match="float32 or bfloat16"):
        load(folder, dtype="int8")
    with pytest.raises(InputError, match="no such kind"):
        load(folder, device="toaster")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="this machine has none"):
            load(folder, device="cuda")


def test_a_module_in_memory_of_mixed_precision_is_refused() -> None:
    module = toy_module()
    module.model.norm.to(torch.bfloat16)
    with pytest.raises(ModelError, match=r"torch.bfloat16.*torch.float32"):
        from_module(module, byte_tokenizer(), name="mixed")
