from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.tiny_families import MOE, config_of, keep, module_of, moe
from transformers import AutoConfig

from corrie.errors import ModelError
from corrie.models.first_layers import _pair, _shortened, check_first_layers
from corrie.testing.toy_models import toy_module
from corrie.weights.stored import Recipe, StoredTensors
from corrie.weights.tensor_files import TensorFiles

BUILT: dict[str, Any] = {
    **{family: lambda seed, family=family: moe(family, seed) for family in MOE},
    "llama": lambda seed: toy_module("llama", seed),
    "gpt2": lambda seed: toy_module("gpt2", seed),
    "gemma2": lambda seed: module_of(config_of("Gemma2Config", head_dim=8, num_hidden_layers=4), seed),
    "gpt-neo": lambda seed: module_of(
        config_of(
            "GPTNeoConfig", num_hidden_layers=4, num_layers=4, num_heads=4, attention_types=[[["global", "local"], 2]]
        ),
        seed,
    ),
}


@pytest.mark.parametrize("family", BUILT)
def test_read_in_both_ways_the_first_layers_agree(family: str, tmp_path: Path) -> None:
    """And they can be built: a check that is passed over would say nothing."""
    base, folder = BUILT[family](0), keep(BUILT[family](1), tmp_path)
    tensors, there = StoredTensors.of(base, TensorFiles.open(folder)), AutoConfig.from_pretrained(folder)
    pair = _pair(base, tensors, there)
    assert pair is not None
    torch.testing.assert_close(*pair, rtol=0, atol=1e-5)
    check_first_layers(base, tensors, there, "tuned")


def test_a_setting_that_was_missed_or_a_tensor_read_for_another_is_refused(tmp_path: Path) -> None:
    base, folder = toy_module(seed=0), keep(toy_module(seed=1), tmp_path)
    tensors, there = StoredTensors.of(base, TensorFiles.open(folder)), AutoConfig.from_pretrained(folder)
    other = AutoConfig.from_pretrained(folder, hidden_act="gelu")
    with pytest.raises(ModelError, match="first layers of what is read of it give other logits"):
        check_first_layers(base, tensors, other, "tuned")
    one, two = (f"model.layers.0.self_attn.{x}_proj.weight" for x in "kv")
    recipes: dict[str, Recipe] = {**tensors.recipes, one: tensors.recipes[two], two: tensors.recipes[one]}
    with pytest.raises(ModelError, match="first layers"):
        check_first_layers(base, replace(tensors, recipes=recipes), there, "tuned")


def test_lists_with_an_entry_for_each_layer_are_cut() -> None:
    short = _shortened(config_of("Gemma2Config", head_dim=8, num_hidden_layers=4), 2)
    assert (short.num_hidden_layers, len(short.layer_types)) == (2, 2)


def test_a_list_that_only_happens_to_be_as_long_is_kept() -> None:
    config = config_of("Mamba2Config", num_heads=8, head_dim=8, num_hidden_layers=2)
    config.time_step_limit = [0.0, float("inf")]
    assert _shortened(config, 1).time_step_limit == [0.0, float("inf")]


def test_nobodys_generator_is_moved(tmp_path: Path) -> None:
    base, folder = toy_module(seed=0), keep(toy_module(seed=1), tmp_path)
    before = torch.random.get_rng_state()
    tensors = StoredTensors.of(base, TensorFiles.open(folder))
    check_first_layers(base, tensors, AutoConfig.from_pretrained(folder), "tuned")
    assert torch.equal(before, torch.random.get_rng_state())
