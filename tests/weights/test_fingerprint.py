"""The hash of weights against its own text, by one thread and by many."""

from __future__ import annotations

import hashlib
import sys

import pytest
import torch

from corrie.weights.fingerprint import fingerprint

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(3, dtype=torch.bfloat16), "none": torch.ones(0, 2)}


@pytest.mark.parametrize("small", [0, 2**20])
def test_it_is_what_its_text_says(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["corrie.weights.fingerprint"], "SMALL", small)
    every = hashlib.sha256()
    for name in sorted(TENSORS):
        tensor = TENSORS[name]
        head = f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode()
        every.update(hashlib.sha256(head + bytes(tensor.reshape(-1).view(torch.uint8).tolist())).digest())
    assert fingerprint(TENSORS) == every.hexdigest()
