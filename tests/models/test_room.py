"""What a row takes, against the bytes that a cache of its length holds."""

from typing import Any

import pytest
import torch

from corrie.models import footprint
from corrie.models.greedy import Batch
from corrie.models.room import row_bytes, rows_that_fit
from corrie.testing.toy_models import Architecture, toy_model
from corrie.weights.available import available_memory


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_a_row_takes_what_its_keys_and_values_take_and_somewhat_more(architecture: Architecture) -> None:
    model = toy_model(architecture)
    batch = Batch(model.module, [tuple(range(1, 51))])
    batch.logits()
    layers: Any = batch._known
    kept = sum(t.numel() * t.element_size() for layer in layers.layers for t in (layer.keys, layer.values))
    assert kept < row_bytes(model, 50) - row_bytes(model, 0) < 12 * kept


def test_half_of_what_the_scan_leaves_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy_model()
    weights = sum(p.numel() * 4 for p in model.module.parameters())
    row = row_bytes(model, 100)
    for rows in (0, 1, 30):
        there = 2 * weights + 2 * rows * row
        monkeypatch.setattr(footprint, "available_memory", lambda device, there=there: there)
        assert rows_that_fit(model, 100) == rows
    monkeypatch.setattr(footprint, "available_memory", lambda device: weights)
    assert rows_that_fit(model, 100) == 0
    monkeypatch.setattr(footprint, "available_memory", lambda device: None)
    assert rows_that_fit(model, 100) is None


def test_memory_is_some_or_unknown() -> None:
    there = available_memory(torch.device("cpu"))
    assert there is None or 2**20 < there < 2**50
    assert available_memory(torch.device("meta")) is None
