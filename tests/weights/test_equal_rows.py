"""Below the first block that changes equal rows are computed once; where rows part, never."""

from __future__ import annotations

from typing import Any

import pytest

from corrie.models.reading import Question
from corrie.records.subspace import SubspaceNoise
from corrie.subspaces.row_space import random_rows
from corrie.subspaces.space import draw_noise
from corrie.testing.toy_models import toy_model


@pytest.mark.parametrize(("layers", "below"), [("*.1.*", 1), ("*.0.*", 4), ("all", 4)])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_how_many_rows_each_block_computes(architecture: str, layers: str, below: int) -> None:
    model = toy_model(architecture)  # type: ignore[arg-type]
    space = random_rows(model.module, layers, 1)
    assert model.packed
    module: Any = model.module
    inner = module.model.layers if architecture == "llama" else module.transformer.h
    seen: list[list[int]] = [[], []]

    def count(i: int, out: Any) -> None:
        seen[i].append((out[0] if isinstance(out, tuple) else out).shape[0])

    handles = [block.register_forward_hook(lambda _, __, out, i=i: count(i, out)) for i, block in enumerate(inner)]
    with space.lent(4) as lent:
        lent.put([draw_noise(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=s), 0.1) for s in range(4)])
        readers = model.row_readers(4)
        for reader in readers:
            reader.read([Question("one two:", (" three", " four"))], "one two")
        read = [list(s) for s in seen]
        for rows in seen:
            rows.clear()
        for reader in readers:
            reader.write(["one", "two"], 2)
    for handle in handles:
        handle.remove()
    assert len(read[0]) == 2, "a pass for the beginning and one for the tree, for all four readers"
    assert set(read[0]) == {below}
    assert set(read[1]) == {4}
    assert set(seen[0]) == set(seen[1]) == {8}, "generation: two prompts a row"
    assert len(seen[0]) == 2, "two tokens, for all four readers"
