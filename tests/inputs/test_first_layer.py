from __future__ import annotations

import numpy as np
import pytest
import torch

from corrie.errors import ModelError
from corrie.inputs.first_layer import first_layer
from corrie.testing.toy_models import toy_module

IDS = [5, 9, 200, 5]


def test_of_llama_it_is_the_first_attention_on_normalised_embeddings() -> None:
    module = toy_module("llama")
    found = first_layer(module, IDS)
    layer = module.model.layers[0]
    names = ("q_proj", "k_proj", "v_proj")
    assert found.names == tuple(f"model.layers.0.self_attn.{n}" for n in names)
    with torch.no_grad():
        inputs = layer.input_layernorm(module.model.embed_tokens(torch.tensor(IDS)))
        outputs = torch.cat([getattr(layer.self_attn, n)(inputs) for n in names], dim=1)
    np.testing.assert_allclose(found.inputs.T, inputs.numpy(), rtol=1e-6)
    np.testing.assert_allclose(found.weight @ found.inputs, outputs.numpy().T, atol=1e-5)


def test_of_gpt2_it_is_one_map_that_is_stored_the_other_way_round() -> None:
    module = toy_module("gpt2")
    found = first_layer(module, IDS)
    assert found.weight.shape == (96, 32)
    with torch.no_grad():
        inputs = torch.tensor(found.inputs.T, dtype=torch.float32)
        outputs = module.transformer.h[0].attn.c_attn(inputs) - module.transformer.h[0].attn.c_attn.bias
    np.testing.assert_allclose(found.weight @ found.inputs, outputs.numpy().T, atol=1e-5)
    assert not module.transformer.h[0].attn.c_attn._forward_pre_hooks


def test_a_model_without_one_is_refused() -> None:
    class Bare(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(300, 4)

        def forward(self, input_ids: torch.Tensor, **_: object) -> torch.Tensor:
            return self.table(input_ids)

    with pytest.raises(ModelError, match="none that takes one vector for each token"):
        first_layer(Bare(), IDS)
