from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from corrie.errors import InputError
from corrie.inputs.text_change import TextChange, save_change
from corrie.inputs.untied import embedding_of
from corrie.records.canonical import content_hash
from corrie.testing.toy_models import Architecture, toy_model


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_text_with_the_same_pattern_has_all_four(architecture: Architecture, tied: bool) -> None:
    model = toy_model(architecture, tied=tied)
    found = TextChange.of(model, "abcda", "xbcdx")
    rows = embedding_of(model.module).weight.detach().double()
    ids = [model.tokenizer(c).input_ids[0] for c in "ax"]
    one = float((rows[ids[1]] - rows[ids[0]]).norm())
    assert found.replaced == 2
    assert found.rows.norm == pytest.approx(one, rel=1e-5)
    assert found.rows.details["logits_off"] < 1e-4
    assert ("was untied first" in found.rows.says) == tied
    assert found.per_id.norm == pytest.approx(one)
    assert found.per_position.norm == pytest.approx(one * math.sqrt(2))
    assert found.layer.norm is not None
    assert found.layer.details["residual"] < 1e-6


def test_each_answer_has_its_own_conditions() -> None:
    model = toy_model()
    merged = TextChange.of(model, "abca", "bbcb")  # two ids become one: rows can, shared noise cannot
    assert merged.rows.norm is not None
    assert merged.rows.details["logits_off"] < 1e-4
    assert merged.per_id.norm is None
    assert "positions 0 and 1 hold different tokens before and the same token after" in merged.per_id.says
    parted = TextChange.of(model, "abca", "xbcy")  # one id becomes two: neither can
    assert parted.rows.norm is None
    assert "is changed in one way at position 0 and in another at 3" in parted.rows.says
    assert parted.per_id.norm is None
    assert parted.layer.norm is None
    assert "a repeated token was changed in two ways" in parted.layer.says
    assert parted.per_position.norm is not None
    assert "refused" in str(parted)


def test_more_tokens_than_the_layer_has_inputs_are_refused_there_alone() -> None:
    found = TextChange.of(toy_model(), "".join(map(chr, range(65, 105))), "".join(map(chr, range(66, 106))))
    assert "more tokens than inputs" in found.layer.says
    assert found.rows.norm is not None


@pytest.mark.parametrize(("before", "after"), [("abc", "ab"), ("", "")])
def test_another_length_is_refused(before: str, after: str) -> None:
    with pytest.raises(InputError, match="a token for a token"):
        TextChange.of(toy_model(), before, after)


def test_what_is_written_holds_ids_and_no_text(tmp_path: Path) -> None:
    found = TextChange.of(toy_model(), "secret", "public")
    written = json.loads(save_change(found, tmp_path, {}).read_text())
    assert written["hash"] == content_hash(written["text_change"])
    assert written["text_change"]["replaced"] == 6
    assert "secret" not in json.dumps(written)
