"""The token that masks."""

from __future__ import annotations

import pytest

from corrie.errors import InputError
from corrie.inputs.mask_token import mask_token
from corrie.models.model import Model

MASK = 256


def test_the_mask_is_the_one_asked_for(model: Model) -> None:
    assert mask_token(model) == MASK, "the end token: there is no other special one"
    assert mask_token(model, "7") == 7
    assert mask_token(model, "!") == model.tokenizer("!").input_ids[0]
    with pytest.raises(InputError, match="2 tokens"):
        mask_token(model, "!!")
    with pytest.raises(InputError, match="264 rows"):
        mask_token(model, "264")
