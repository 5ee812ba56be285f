"""Rows are used only where they say what each place says alone."""

from __future__ import annotations

from typing import Any

import pytest

from corrie.subspaces.row_space import random_rows
from corrie.subspaces.rows_agree import rows_agree
from corrie.testing.toy_models import toy_model


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("layers", ["all", "*.1.*"])
def test_rows_of_real_architectures_agree(architecture: str, layers: str) -> None:
    model = toy_model(architecture)  # type: ignore[arg-type]
    assert rows_agree(model, random_rows(model.module, layers, 1), 0.3)


def test_a_layer_that_sees_rows_out_of_order_is_found() -> None:
    """As a router may hand tokens to its experts: in another order than that of the rows."""
    model = toy_model()
    module: Any = model.module
    space = random_rows(module, "up_proj", 1)
    assert rows_agree(model, space, 0.3)
    mlp = module.model.layers[1].mlp
    mlp.forward = lambda x: mlp.down_proj(mlp.act_fn(mlp.gate_proj(x.flip(0))) * mlp.up_proj(x.flip(0))).flip(0)
    assert not rows_agree(model, space, 0.3)
