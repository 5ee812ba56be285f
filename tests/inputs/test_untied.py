from __future__ import annotations

import pytest
import torch

from corrie.errors import ModelError
from corrie.inputs.untied import NOTE, embedding_name, embedding_of, tied_to_embedding, untied
from corrie.testing.toy_models import Architecture, toy_model

IDS = torch.tensor([[5, 9, 200, 5, 31]])


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_logits_stay_bit_for_bit_and_the_head_is_its_own(architecture: Architecture, dtype: torch.dtype) -> None:
    model = toy_model(architecture, tied=True, dtype=dtype)
    before = model.module(IDS).logits
    free = untied(model)
    assert torch.equal(free.module(IDS).logits, before)
    assert tied_to_embedding(model.module) == ("lm_head.weight",)
    assert tied_to_embedding(free.module) == ()
    with torch.no_grad():
        free.module.get_output_embeddings().weight.zero_()
    assert not free.module(IDS).logits.any(), "its head moves by itself"
    assert torch.equal(model.module(IDS).logits, before), "and the first model's does not"


def test_everything_else_is_shared_and_the_record_says_so() -> None:
    model = toy_model(tied=True)
    free = untied(model)
    ours, theirs = (dict(m.module.named_parameters()) for m in (model, free))
    assert set(theirs) - set(ours) == {"lm_head.weight"}
    assert all(theirs[name] is p for name, p in ours.items())
    assert free.identity.notes == (NOTE,)
    assert free.identity.fingerprint != model.identity.fingerprint
    assert model.module.config.tie_word_embeddings, "the first model's settings stay"


def test_what_is_not_tied_stays_as_it_is() -> None:
    model = toy_model(tied=False)
    assert untied(model) is model


def test_tied_to_something_else_is_refused() -> None:
    model = toy_model(tied=True)
    model.module.strange = torch.nn.Linear(32, 264, bias=False)
    model.module.strange.weight = embedding_of(model.module).weight
    with pytest.raises(ModelError, match="not the output head alone"):
        untied(model)


def test_no_table_of_rows_is_refused() -> None:
    with pytest.raises(ModelError, match="no table of rows"):
        embedding_of(torch.nn.Linear(2, 2))


def test_the_rows_have_their_checkpoint_name() -> None:
    assert embedding_name(toy_model("gpt2").module) == "transformer.wte.weight"
