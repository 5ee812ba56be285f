"""What is written along a path is what was judged there: bit for bit, and loadable by anyone."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.models.tiny_families import keep, logits, moe
from transformers import AutoModelForCausalLM

from corrie.errors import InputError, ModelError, StorageError
from corrie.models.directions import adapter, toward, tuned_direction
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.write import BESIDE, write_at
from corrie.records.paths import Adapter, Difference, Quantised
from corrie.records.point import Point
from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_model, toy_module
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.perturbed import perturbed
from corrie.weights.realise import realise
from corrie.weights.selection import named_parameters

ALPHA = 0.328125


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("write")
    return {"base": save_toy(place / "base"), "tuned": save_toy(place / "tuned", seed=1)}


def own(model: Model) -> dict[str, torch.Tensor]:
    return {n: p.data for n, p in model.selection.tensors.items()}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_checkpoint_is_the_judged_weights_bit_for_bit(places: dict[str, Path], tmp_path: Path, dtype: Any) -> None:
    model = load(places["base"], dtype=dtype)
    direction = toward(model, places["tuned"])
    before = model_fingerprint(model.module)
    out = write_at(model, direction, ALPHA, tmp_path / "out")
    assert model_fingerprint(model.module) == before
    there = load(out, dtype=dtype)
    with perturbed(model, Point.along(direction, ALPHA)):
        assert there.identity.fingerprint == model_fingerprint(model.module)
        (task, reader) = toy_choice(model, size=10), model.reader()
        assert task.score(reader, 0, 10) == task.score(there.reader(), 0, 10)
    assert json.loads((out / "config.json").read_text())["dtype"] == dtype
    assert load(out, dtype="float32").identity.dtype == "float32"


def test_its_own_library_loads_it_at_that_precision(places: dict[str, Path], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = load(places["base"], dtype="bfloat16")
    out = write_at(model, toward(model, places["tuned"]), ALPHA, tmp_path / "out")
    automatic: Any = AutoModelForCausalLM
    module = automatic.from_pretrained(out)
    assert module.dtype == torch.bfloat16
    assert module.get_output_embeddings().weight is module.get_input_embeddings().weight
    assert "lm_head.weight" not in load_file(out / "model.safetensors"), "a tied tensor is written once"
    assert AutoTokenizer.from_pretrained(out).get_vocab() == model.tokenizer.get_vocab()


@pytest.mark.parametrize("architecture", ["gpt2", "qwen2"])
def test_other_architectures(tmp_path: Path, architecture: Any) -> None:
    model = load(save_toy(tmp_path / "base", architecture))
    direction = toward(model, save_toy(tmp_path / "tuned", architecture, seed=1))
    there = load(write_at(model, direction, ALPHA, tmp_path / "out"))
    with perturbed(model, Point.along(direction, ALPHA)):
        assert there.identity.fingerprint == model_fingerprint(model.module)


def test_only_what_is_selected_moves(places: dict[str, Path], tmp_path: Path) -> None:
    model = load(places["base"], include=("*q_proj*",))
    there = load(write_at(model, toward(model, places["tuned"]), 1.0, tmp_path / "out"))
    base, tuned = load(places["base"]), load(places["tuned"])
    for name, tensor in there.selection.tensors.items():
        wanted = (tuned if "q_proj" in name else base).selection.tensors[name]
        torch.testing.assert_close(tensor, wanted, rtol=0, atol=1e-7)


def test_rounded_weights_are_written_with_the_base_s_own_settings(places: dict[str, Path], tmp_path: Path) -> None:
    model = load(places["base"])
    there = load(write_at(model, Quantised(bits=4, block=64), 0.5, tmp_path / "out"))
    with perturbed(model, Point.along(Quantised(bits=4, block=64), 0.5)):
        assert there.identity.fingerprint == model_fingerprint(model.module)


def make_adapter(place: Path, **settings: Any) -> Path:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=3, lora_alpha=7, init_lora_weights=False, task_type="CAUSAL_LM", **settings)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        tuned = peft.get_peft_model(toy_module(tied=False), config)
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn_like(parameter)
        tuned.save_pretrained(place)
    return place


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "down_proj"]},
        {"target_modules": ["embed_tokens", "v_proj"]},
        {"target_modules": ["v_proj"], "modules_to_save": ["lm_head", "input_layernorm"]},
    ],
    ids=["matrices", "embedding", "whole tensors"],
)
def test_a_scaled_adapter_is_the_scaled_direction(tmp_path: Path, settings: dict[str, Any]) -> None:
    toy_module(tied=False).save_pretrained(tmp_path / "base")  # type: ignore[operator]
    byte_tokenizer().save_pretrained(tmp_path / "base")
    model = load(tmp_path / "base")
    folder = make_adapter(tmp_path / "adapter", **settings)
    direction = adapter(model, folder)
    out = write_at(model, direction, ALPHA, tmp_path / "out")
    assert sorted(p.name for p in out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert (out / "adapter_config.json").read_bytes() == (folder / "adapter_config.json").read_bytes()
    scaled = realise(adapter(model, out), own(model), model.sources).tensors
    for name, delta in realise(direction, own(model), model.sources).tensors.items():
        torch.testing.assert_close(scaled[name], ALPHA * delta, rtol=1e-5, atol=1e-6)


def test_an_adapter_in_bfloat16_is_scaled_without_rounding_it_again(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = load(save_toy(tmp_path / "base"))
    folder = make_adapter(tmp_path / "adapter", target_modules=["q_proj"])
    stored = {n: t.bfloat16() for n, t in load_file(folder / "adapter_model.safetensors").items()}
    save_file(stored, folder / "adapter_model.safetensors")
    out = write_at(model, adapter(model, folder), ALPHA, tmp_path / "out")
    for name, tensor in load_file(out / "adapter_model.safetensors").items():
        up = "lora_B" in name
        assert tensor.dtype == (torch.float32 if up else torch.bfloat16)
        assert torch.equal(tensor, stored[name].float() * ALPHA if up else stored[name])


def test_an_adapter_of_what_stays_is_refused(tmp_path: Path) -> None:
    folder = make_adapter(tmp_path / "adapter", target_modules=["q_proj"])
    model = load(save_toy(tmp_path / "base"), exclude=("*layers.1.*",))
    with pytest.raises(ModelError, match="keep where it is"):
        write_at(model, adapter(model, folder), ALPHA, tmp_path / "out")


def test_what_is_there_is_never_written_over(places: dict[str, Path]) -> None:
    model = load(places["base"])
    with pytest.raises(InputError, match="there already"):
        write_at(model, toward(model, places["tuned"]), ALPHA, places["tuned"])


def test_what_a_fine_tune_may_be(places: dict[str, Path], tmp_path: Path) -> None:
    model = load(places["base"])
    folder = make_adapter(tmp_path / "adapter", target_modules=["q_proj"])
    assert isinstance(tuned_direction(model, places["tuned"]), Difference)
    assert isinstance(tuned_direction(model, f"toward:{places['tuned']}"), Difference)
    assert isinstance(tuned_direction(model, folder), Adapter)
    assert isinstance(tuned_direction(model, "quantised:int8"), Quantised)
    with pytest.raises(ModelError):
        tuned_direction(model, tmp_path / "nowhere")
    assert set(named_parameters(model.module)) == set(model.selection.tensors)


@pytest.mark.parametrize("family", ["mixtral", "deepseek-v3"])
def test_a_mixture_that_was_written_is_read_by_the_library(family: str, tmp_path: Path) -> None:
    model = load(keep(moe(family, 0), tmp_path / "base"))
    direction = toward(model, keep(moe(family, 1), tmp_path / "tuned"))
    out = write_at(model, direction, 0.5, tmp_path / "half")
    automatic: Any = AutoModelForCausalLM
    again, report = automatic.from_pretrained(out, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    with perturbed(model, Point.along(direction, 0.5)):
        for name, tensor in model.module.state_dict().items():
            assert torch.equal(again.state_dict()[name], tensor)


def test_what_both_have_is_written_in_the_size_of_the_base(tmp_path: Path) -> None:
    model, grown = toy_model(), toy_module(seed=1)
    grown.resize_token_embeddings(272, mean_resizing=False)  # type: ignore[operator]
    direction = toward(model, keep(grown, tmp_path / "grown"), common=True)
    again = load(write_at(model, direction, 1.0, tmp_path / "out"))
    torch.testing.assert_close(logits(again.module), logits(grown)[:, :264], rtol=0, atol=1e-4)


def test_a_tied_fine_tune_of_an_untied_base_is_written_untied(tmp_path: Path) -> None:
    model = toy_model(tied=False)
    direction = toward(model, keep(toy_module(seed=1), tmp_path / "tied"))
    again = load(write_at(model, direction, 0.5, tmp_path / "half"))
    assert again.identity.parameters == model.identity.parameters
    with perturbed(model, Point.along(direction, 0.5)):
        assert torch.equal(logits(again.module), logits(model.module))


def test_only_plain_files_of_known_names_go_along_and_no_code(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    tuned = tmp_path / "tuned"
    shutil.copytree(places["tuned"], tuned)
    (tuned / "tokenizer_code.py").write_text("raise SystemExit")
    for name in ("tokenizer_secret.json", "x.jinja", "x.model"):
        (tuned / name).symlink_to(tmp_path / "secret")
    for name in ("tokenizer_config.json", "generation_config.json", "config.json"):
        told = json.loads((tuned / name).read_text())
        (tuned / name).write_text(json.dumps({**told, "auto_map": {"AutoTokenizer": "tokenizer_code.Own"}}))
    model = load(places["base"])
    direction = toward(model, tuned)
    out = write_at(model, direction, 0.5, tmp_path / "out")
    assert {f.name for f in out.iterdir()} <= {*BESIDE, "config.json", "model.safetensors"}
    assert all(b"auto_map" not in f.read_bytes() and f.read_bytes() != b"secret" for f in out.iterdir())
    (tuned / "vocab.json").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match=r"vocab\.json is a link out of the folder"):
        write_at(model, toward(model, tuned), 0.5, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_links_of_the_hub_s_own_cache_go_along(places: dict[str, Path], tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--x" / "blobs", tmp_path / "models--x" / "snapshots" / "f0"
    shutil.copytree(places["tuned"], blobs)
    snapshot.mkdir(parents=True)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(file)
    model = load(places["base"])
    out = write_at(model, toward(model, snapshot), 0.5, tmp_path / "out")
    assert (out / "tokenizer.json").read_bytes() == (blobs / "tokenizer.json").read_bytes()
    assert not any(f.is_symlink() for f in out.iterdir())


def test_what_the_same_question_left_is_its_answer(places: dict[str, Path], tmp_path: Path) -> None:
    model, out = load(places["base"]), tmp_path / "out"
    out.mkdir()
    direction = toward(model, places["tuned"])
    write_at(model, direction, 0.5, out, "5f2a")
    before = {f.name: f.read_bytes() for f in out.iterdir()}
    assert write_at(model, direction, 0.5, out, "5f2a") == out
    assert {f.name: f.read_bytes() for f in out.iterdir()} == before
    for other in ("5f2b", ""):
        with pytest.raises(InputError, match="there already"):
            write_at(model, direction, 0.5, out, other)
    assert load(out).identity.fingerprint == load(write_at(model, direction, 0.5, tmp_path / "b")).identity.fingerprint


def test_a_failing_disk_leaves_nothing(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("corrie.models.write.write_checkpoint", full)
    model = load(places["base"])
    with pytest.raises(StorageError, match="No space left"):
        write_at(model, toward(model, places["tuned"]), 0.5, tmp_path / "out")
    assert not list(tmp_path.iterdir())
