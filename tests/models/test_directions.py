import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.tiny_families import MOE, keep, logits, module_of, moe

import corrie
from corrie.errors import FetchError, InputError, ModelError
from corrie.models.directions import adapter, find_directions, saved, toward, tuned_direction
from corrie.models.model import Model
from corrie.records.direction import parse_directions
from corrie.records.point import Point
from corrie.subspaces.row_space import random_rows
from corrie.subspaces.written_adapter import write_place
from corrie.testing.toy_models import save_toy, toy_model, toy_module
from corrie.weights.perturbed import perturbed
from corrie.weights.saved import save_direction


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
    made = write_place(space, {n: torch.ones(shape) for n, shape in space.shapes.items()}, tmp_path / "adapter")
    plain = adapter(model, made)
    shutil.copy(tuned / "config.json", made / "config.json")
    asked = find_directions(model, parse_directions(f"toward:{made}"))
    assert asked == (plain,) == find_directions(model, parse_directions(f"adapter:{made}"))
    assert tuned_direction(model, made) == tuned_direction(model, f"toward:{made}") == plain
    with pytest.raises(ModelError, match="holds a LoRA adapter and no model"):
        toward(model, made)


@pytest.mark.parametrize(
    ("family", "dtype"), [*((f, "float32") for f in MOE), ("deepseek-v3", "bfloat16"), ("glm-4.5", "bfloat16")]
)
def test_the_end_of_the_path_is_the_fine_tune_of_a_mixture(family: str, dtype: str, tmp_path: Path) -> None:
    """Logits of the moved base equal the library's own of the fine-tune, routers that stay in float32 included."""
    base, tuned = keep(moe(family, 0), tmp_path / "base"), keep(moe(family, 1), tmp_path / "tuned")
    model = corrie.load(base, dtype=dtype)
    assert model.identity.dtype == dtype
    wanted = corrie.load(tuned, dtype=dtype).module
    with perturbed(model, Point.along(toward(model, tuned), 1.0)):
        assert [p.dtype for p in model.module.parameters()] == [p.dtype for p in wanted.parameters()]
        torch.testing.assert_close(logits(model.module), logits(wanted), rtol=0, atol=1e-4 if dtype == "float32" else 1)


@pytest.mark.parametrize("family", ["deepseek-v3", "glm-4.5"])
def test_router_biases_are_no_weights_and_must_be_equal(family: str, tmp_path: Path) -> None:
    base, tuned = moe(family, 0), moe(family, 1)
    toward(corrie.load(keep(base, tmp_path / "base")), keep(tuned, tmp_path / "tuned"))
    next(b for n, b in tuned.named_buffers() if n.endswith("e_score_correction_bias")).add_(1.0)
    with pytest.raises(ModelError, match=r"1 buffers differ there.*e_score_correction_bias"):
        toward(corrie.load(tmp_path / "base"), keep(tuned, tmp_path / "routed"))


def test_a_tied_fine_tune_of_an_untied_base(tmp_path: Path) -> None:
    model, tuned = toy_model(tied=False), save_toy(tmp_path / "tied", seed=1)
    with perturbed(model, Point.along(toward(model, tuned), 1.0)):
        torch.testing.assert_close(logits(model.module), logits(toy_module(seed=1)), rtol=0, atol=1e-4)


def grown(folder: Path, rows: int) -> Any:
    """A module with another number of tokens, and its folder."""
    module: Any = toy_module(seed=1)
    module.resize_token_embeddings(rows, mean_resizing=False)
    keep(module, folder)
    return module


@pytest.mark.parametrize("rows", [272, 260])
def test_a_vocabulary_of_another_size(model: Model, tmp_path: Path, rows: int) -> None:
    tuned = grown(tmp_path / "grown", rows)
    with pytest.raises(ModelError, match=r"another vocabulary.*Try: common:PLACE"):
        toward(model, tmp_path / "grown")
    told: list[str] = []
    record = toward(model, tmp_path / "grown", common=True, say=told.append)
    assert record.law == "minus-common-1"
    (said,) = told
    assert ("8 rows of model.embed_tokens.weight are there alone" if rows == 272 else "4 rows") in said
    both = min(rows, 264)
    with perturbed(model, Point.along(record, 1.0)):
        torch.testing.assert_close(logits(model.module)[:, :both], logits(tuned)[:, :both], rtol=0, atol=1e-4)
    assert find_directions(model, parse_directions(f"common:{tmp_path / 'grown'}")) == (record,)


def test_an_untied_fine_tune_of_a_tied_base(model: Model, tmp_path: Path) -> None:
    keep(toy_module(seed=1, tied=False), tmp_path / "untied")
    with pytest.raises(ModelError, match=r"one tied tensor in the model. Try: common:PLACE"):
        toward(model, tmp_path / "untied")
    told: list[str] = []
    toward(model, tmp_path / "untied", common=True, say=told.append)
    assert "lm_head.weight is left out (L2 " in told[0]


def test_common_leaves_nothing_out_where_all_is_common(model: Model, tuned: Path) -> None:
    assert toward(model, tuned, common=True) == toward(model, tuned)
    change(tuned / "config.json", rms_norm_eps=0.5)
    with pytest.raises(ModelError, match="another function"):
        toward(model, tuned, common=True)


def test_the_text_part_of_a_larger_configuration(tmp_path: Path) -> None:
    from tests.models.tiny_families import config_of

    module = module_of(config_of("Gemma3TextConfig", head_dim=8))
    model = corrie.load(keep(module, tmp_path / "text"))
    file = keep(module_of(module.config, seed=1), tmp_path / "tuned") / "config.json"
    text = json.loads(file.read_text())
    file.write_text(json.dumps({"model_type": "gemma3", "architectures": text["architectures"], "text_config": text}))
    with perturbed(model, Point.along(toward(model, file.parent), 1.0)):
        torch.testing.assert_close(logits(model.module), logits(module_of(module.config, 1)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", ["mamba2", "inkling_text"])
def test_a_path_ends_at_the_fine_tune_of_a_family_with_settings_of_its_own(family: str, tmp_path: Path) -> None:
    """One has a list as long as its layers that is none of them, the other says nothing of a tied head."""
    from corrie.models.load import from_module
    from corrie.testing.families import tiny_module
    from corrie.testing.toy_models import byte_tokenizer

    try:
        base, tuned = tiny_module(family), tiny_module(family, seed=1)
    except ModelError:
        pytest.skip(f"this transformers has no {family}")
    tuned.save_pretrained(tmp_path)  # type: ignore[operator]
    byte_tokenizer().save_pretrained(tmp_path)
    model = from_module(base, byte_tokenizer(), name=family)
    ids = torch.arange(20)[None]
    with torch.no_grad(), perturbed(model, Point.along(toward(model, tmp_path), 1.0)):
        found, wanted = (m(input_ids=ids, use_cache=False).logits for m in (model.module, tuned))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
