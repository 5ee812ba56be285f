import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import corrie
from corrie.errors import FetchError, InputError, ModelError
from corrie.models.directions import adapter, find_directions, saved, toward, tuned_direction
from corrie.models.model import Model
from corrie.records.direction import parse_directions
from corrie.records.point import Point
from corrie.testing.toy_models import save_toy, toy_model
from corrie.weights.perturbed import perturbed
from corrie.weights.row_space import random_rows
from corrie.weights.saved import save_direction
from corrie.weights.written_adapter import write_adapter


@pytest.fixture
def model() -> Model:
    return toy_model(seed=0)


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    return save_toy(tmp_path / "tuned", seed=1)


def change(file: Path, **settings: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def test_toward_a_folder(model: Model, tuned: Path) -> None:
    there = corrie.load(tuned).module.state_dict()
    record = toward(model, tuned)
    assert (record.base, record.tuned_name) == (model.identity.fingerprint, "tuned")
    with perturbed(model, Point.along(record, 1.0)):
        for name, parameter in model.module.state_dict().items():
            torch.testing.assert_close(parameter, there[name], rtol=0, atol=1e-6)


def test_shards_and_names_make_no_other_direction(model: Model, tuned: Path, tmp_path: Path) -> None:
    again: Any = corrie.load(tuned).module
    again.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    corrie.load(tuned).tokenizer.save_pretrained(tmp_path / "shards")
    assert (tmp_path / "shards" / "model.safetensors.index.json").exists()
    assert toward(model, tmp_path / "shards").id == toward(model, tuned).id


def test_another_precision_of_the_model_is_another_direction(tuned: Path) -> None:
    one, other = toward(toy_model(), tuned), toward(toy_model(dtype=torch.bfloat16), tuned)
    assert one.tuned == other.tuned
    assert one.id != other.id


def test_another_architecture(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="its architecture is gpt2, the model's llama"):
        toward(model, save_toy(tmp_path / "gpt2", "gpt2"))


def test_other_settings_of_the_same_shapes(model: Model, tuned: Path) -> None:
    change(tuned / "config.json", rms_norm_eps=0.5)
    with pytest.raises(ModelError, match=r"another function there: rms_norm_eps is 1e-06 here and 0\.5 there"):
        toward(model, tuned)


def test_another_vocabulary(model: Model, tuned: Path) -> None:
    file = tuned / "tokenizer.json"
    vocabulary = json.loads(file.read_text())
    tokens = vocabulary["model"]["vocab"]
    tokens["a"], tokens["b"] = tokens["b"], tokens["a"]
    file.write_text(json.dumps(vocabulary))
    with pytest.raises(
        ModelError, match="another vocabulary: 2 tokens of the model have no such number there: 'a', 'b'"
    ):
        toward(model, tuned)


def test_places_that_are_none(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for find in (toward, adapter, saved):
        with pytest.raises(ModelError, match="no such"):
            find(model, tmp_path / "nowhere")
    with pytest.raises(FetchError, match="the hub did not give it"):
        toward(model, "nobody/nothing-of-that-name")


def test_a_saved_direction(model: Model, tmp_path: Path) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    file = tmp_path / "one.safetensors"
    record = save_direction({name: torch.ones(64, 32)}, file, {"what": "ones"})
    assert saved(model, file) == record
    before = model.module.state_dict()[name].clone()
    with perturbed(model, Point.along(record, 0.5)):
        assert torch.equal(model.module.state_dict()[name], before + 0.5)
    save_direction({"else": torch.ones(2)}, tmp_path / "two.safetensors", {})
    with pytest.raises(ModelError, match=r"does not have: else of shape \(2,\)"):
        saved(model, tmp_path / "two.safetensors")


def test_as_they_were_asked_for(model: Model, tuned: Path) -> None:
    asked = (*parse_directions("gaussian:0"), *parse_directions("quantised:int4"), *parse_directions(f"toward:{tuned}"))
    assert [d.kind for d in find_directions(model, asked)] == ["gaussian", "quantised", "difference"]
    with pytest.raises(InputError, match="is there twice"):
        find_directions(model, [*asked, *parse_directions(f"toward:{tuned}/.")])


def test_an_adapter_is_one_however_it_is_asked_for(model: Model, tuned: Path, tmp_path: Path) -> None:
    """With a config.json beside it, as trainers leave it there."""
    space = random_rows(model.module, "q_proj", rank=2)
    made = write_adapter(space, {n: torch.ones(shape) for n, shape in space.shapes.items()}, tmp_path / "adapter")
    plain = adapter(model, made)
    shutil.copy(tuned / "config.json", made / "config.json")
    asked = find_directions(model, parse_directions(f"toward:{made}"))
    assert asked == (plain,) == find_directions(model, parse_directions(f"adapter:{made}"))
    assert tuned_direction(model, made) == tuned_direction(model, f"toward:{made}") == plain
    with pytest.raises(ModelError, match="holds a LoRA adapter and no model"):
        toward(model, made)
