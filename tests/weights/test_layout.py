"""What a layout says of real architectures."""

import pytest

from corrie.testing.toy_models import toy_module
from corrie.weights.layout import Layout
from corrie.weights.selection import tied_tensors


@pytest.mark.parametrize(("architecture", "rows"), [("llama", "model.embed_tokens"), ("gpt2", "transformer.wte")])
def test_a_tied_head_is_another_name_of_the_embedding(architecture: str, rows: str) -> None:
    module = toy_module(architecture, tied=True)  # type: ignore[arg-type]
    found = Layout.of(module)
    assert found.tied == {"lm_head.weight": f"{rows}.weight"}
    assert found.shape("lm_head.weight") == found.shapes[f"{rows}.weight"] == (264, 32)
    assert found.vocabulary == {"lm_head.weight", f"{rows}.weight"}
    assert found.group("lm_head.weight") == (f"{rows}.weight", "lm_head.weight")
    assert not Layout.of(toy_module(architecture, tied=False)).tied  # type: ignore[arg-type]
    place = tied_tensors(module)["lm_head.weight"]
    assert getattr(place.owner, place.attribute) is module.get_input_embeddings().weight


def test_kinds_are_of_the_layer() -> None:
    kinds = Layout.of(toy_module("gpt2")).kinds
    assert kinds["transformer.h.0.attn.c_attn.weight"] == "conv1d"
    assert (kinds["lm_head.weight"], kinds["transformer.wpe.weight"]) == ("linear", "embedding")
    assert "transformer.ln_f.weight" not in kinds
