import math

import pytest

from corrie.analysis.move import OUTSIDE, Move
from corrie.records.model import ModelIdentity, SelectionSpec

MODEL = ModelIdentity(
    name="toy",
    architecture="Toy",
    fingerprint="f",
    dtype="float32",
    parameters=100,
    selection=SelectionSpec(),
    dimension=100,
    norm=20.0,
)
NORMS = {
    "model.embed_tokens.weight": 1.0,
    "model.layers.0.self_attn.q_proj.weight": 2.0,
    "model.layers.0.self_attn.q_proj.bias": 0.5,
    "model.layers.10.self_attn.q_proj.weight": 3.0,
    "model.layers.2.mlp.up_proj.weight": 0.0,
    "model.norm.weight": 0.25,
}


def test_parts_add_up_to_the_whole() -> None:
    move = Move.of(NORMS, MODEL, realised=3.7)
    assert move.distance == pytest.approx(math.sqrt(sum(n * n for n in NORMS.values())))
    assert move.sigma == pytest.approx(move.distance / 10)
    assert move.relative == pytest.approx(move.sigma / 2)
    for parts in (move.layers, move.kinds):
        assert sum(p.share for p in parts) == pytest.approx(1)
        assert sum(p.distance**2 for p in parts) == pytest.approx(move.distance**2)


def test_layers_by_number_and_kinds_by_size() -> None:
    move = Move.of(NORMS, MODEL)
    assert [p.name for p in move.layers] == ["layer 0", "layer 2", "layer 10", OUTSIDE]
    assert [p.name for p in move.kinds] == ["q_proj", "embed_tokens", "q_proj bias", "norm", "up_proj"]
    assert move.kinds[0].distance == pytest.approx(math.sqrt(13))
    assert move.tensors == (5, 6)
    assert "q_proj" in move.where
    assert "layer 10" in move.where


def test_nothing_moved() -> None:
    move = Move.of(dict.fromkeys(NORMS, 0.0), MODEL)
    assert (move.distance, {p.share for p in move.kinds}) == (0.0, {0.0})
