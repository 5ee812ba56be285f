from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from corrie.errors import ModelError
from corrie.testing.toy_models import Architecture, toy_module
from corrie.weights.agreement import check_same_tensors, shown, stored_name
from corrie.weights.selection import named_parameters
from corrie.weights.tensor_files import TensorFiles

State = dict[str, torch.Tensor]
EMBED, HEAD, UP = "model.embed_tokens.weight", "lm_head.weight", "model.layers.0.mlp.up_proj.weight"


def stored(tmp_path: Path, change: Callable[[State], object], architecture: Architecture = "llama") -> TensorFiles:
    state = {n: p.detach().clone() for n, p in named_parameters(toy_module(architecture, seed=1)).items()}
    change(state)
    save_file(state, tmp_path / "model.safetensors")
    return TensorFiles.open(tmp_path)


def test_the_same_tensors(tmp_path: Path) -> None:
    check_same_tensors(toy_module(), stored(tmp_path, lambda s: None))


def test_a_tied_head_may_be_there_twice_if_it_is_the_same(tmp_path: Path) -> None:
    check_same_tensors(toy_module(), stored(tmp_path, lambda s: s.update({HEAD: s[EMBED].clone()})))
    with pytest.raises(ModelError, match=r"lm_head\.weight and model\.embed_tokens\.weight differ there"):
        check_same_tensors(toy_module(), stored(tmp_path, lambda s: s.update({HEAD: s[EMBED] + 1})))


def test_old_names_and_buffers_that_models_compute(tmp_path: Path) -> None:
    def old(state: State) -> None:
        for name in list(state):
            state[name.removeprefix("transformer.")] = state.pop(name)
        state["h.0.attn.bias"] = torch.ones(2, 2)

    check_same_tensors(toy_module("gpt2"), stored(tmp_path, old, "gpt2"))
    assert stored_name({"x"}, "a.y") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop(UP), f"1 tensors of the model are missing: {UP}"),
        (lambda s: s.update({"model.extra.weight": torch.ones(1)}), "that the model does not have: model.extra.weight"),
        (lambda s: s.update({EMBED: torch.ones(300, 32)}), "another vocabulary, 300 tokens against 264"),
        (
            lambda s: s.update({UP: torch.ones(65, 32)}),
            rf"other shapes: {UP} is \(64, 32\) in the model and \(65, 32\)",
        ),
    ],
    ids=["missing", "extra", "vocabulary", "shape"],
)
def test_what_differs_is_named(tmp_path: Path, change: Callable[[State], object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        check_same_tensors(toy_module(), stored(tmp_path, change))


def test_long_lists_are_cut() -> None:
    assert shown("abc") == "a, b, c"
    assert shown("abcdefgh") == "a, b, c, d, e, … and 3 more"
