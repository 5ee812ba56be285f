"""Changed rows against changed vectors: the same logits."""

from __future__ import annotations

import math

import pytest
import torch

from corrie.errors import InputError, ModelError
from corrie.inputs.embedding_rows import RowChange, check_ids_act_through_embedding, rows_changed
from corrie.inputs.equivalence import weight_change
from corrie.inputs.untied import embedding_of, untied
from corrie.testing.toy_models import Architecture, toy_model
from corrie.weights.fingerprint import model_fingerprint

IDS = [5, 9, 200, 5, 31]


def change(seed: int = 0) -> torch.Tensor:
    delta = torch.randn(len(IDS), 32, generator=torch.Generator().manual_seed(seed))
    delta[3] = delta[0]
    return delta


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_changed_rows_are_changed_vectors(architecture: Architecture, dtype: torch.dtype) -> None:
    model = untied(toy_model(architecture, tied=True, dtype=dtype))
    before = model_fingerprint(model.module)
    ids = torch.tensor([IDS])
    vectors = (embedding_of(model.module)(ids).float() + change()).to(dtype)
    with torch.no_grad():
        expected = model.module(inputs_embeds=vectors).logits
        unmoved = model.module(ids).logits
        with rows_changed(model, RowChange.of(IDS, change())) as realised:
            found = model.module(ids).logits
    assert torch.equal(found, expected)
    assert not torch.equal(found, unmoved)
    assert realised.asked == pytest.approx(RowChange.of(IDS, change()).norm, rel=1e-6)
    assert model_fingerprint(model.module) == before, "put back"


def test_the_norm_counts_each_id_once_and_is_that_of_the_linear_layer() -> None:
    delta = change()
    found = RowChange.of(IDS, delta)
    distinct = [0, 1, 2, 4]
    assert found.norm == pytest.approx(math.sqrt(float(delta[distinct].square().sum())), rel=1e-6)
    one_hot = torch.zeros(264, len(IDS))
    one_hot[IDS, range(len(IDS))] = 1
    rows = embedding_of(toy_model().module).weight.detach()
    # E is injective on what it reads here, so asking for the outputs is asking for the change
    general = weight_change(torch.eye(264), one_hot, torch.zeros(264, len(IDS)))
    assert general.norm == 0
    wanted = torch.linalg.lstsq(rows.double().T, delta.double().T).solution  # vectors of ids with E·wanted = delta
    general = weight_change(rows.double().T, one_hot, wanted)
    assert general.norm == pytest.approx(found.norm, rel=1e-6)
    assert general.rank == 4


def test_one_change_for_each_id() -> None:
    delta = change()
    delta[3] += 1
    with pytest.raises(InputError, match="token 5 is changed in one way at position 0 and in another at 3"):
        RowChange.of(IDS, delta)
    with pytest.raises(InputError, match=r"shape \(5, 32\)"):
        RowChange.of(IDS[:4], delta)


def test_a_tied_head_is_refused() -> None:
    with (
        pytest.raises(ModelError, match=r"they are lm_head\.weight too.*untied"),
        rows_changed(toy_model(tied=True), RowChange.of(IDS, change())),
    ):
        pass


@pytest.mark.parametrize(("ids", "width"), [([264], 32), ([3], 31)])
def test_rows_that_are_not_there_are_refused(ids: list[int], width: int) -> None:
    with (
        pytest.raises(InputError, match=r"row \d+ of an embedding of shape \(264, 32\)"),
        rows_changed(toy_model(tied=False), RowChange.of(ids, torch.ones(1, width))),
    ):
        pass


def test_ids_that_act_in_another_way_are_found_out() -> None:
    model = toy_model(tied=False).module
    check_ids_act_through_embedding(model)
    embedding_of(model).register_forward_hook(lambda module, args, out: out * 2)
    with pytest.raises(ModelError, match="in another way than by choosing a row"):
        check_ids_act_through_embedding(model)


def test_it_prints_how_much_moves() -> None:
    delta = torch.zeros(2, 4)
    delta[1, 0] = 3.0
    assert str(RowChange.of([1, 2], delta)) == "1 embedding row moved, Frobenius norm 3"
