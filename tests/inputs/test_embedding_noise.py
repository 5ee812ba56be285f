from __future__ import annotations

import pytest
import torch

from corrie.inputs.embedding_noise import VirtualTokens
from corrie.inputs.untied import embedding_of
from corrie.models.encoding import Sequenced
from corrie.models.packed import PackedEngine
from corrie.models.plain import PlainEngine
from corrie.testing.toy_models import Architecture, toy_module
from corrie.weights.noise import gaussian_noise

IDS = (5, 9, 5)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_a_virtual_token_is_the_vector_plus_noise(architecture: Architecture) -> None:
    """Against a plain forward pass that is fed with vectors."""
    module = toy_module(architecture)
    virtual = VirtualTokens(module)
    with torch.no_grad():
        clean = embedding_of(module)(torch.tensor([[1, *IDS, 7]]))
        ids = virtual.noised(IDS, 0.3, 11, "x")
        vectors = clean.clone()
        vectors[0, 1:4] += 0.3 * torch.from_numpy(gaussian_noise(11, "x", 96)).reshape(3, 32)
        expected = module(inputs_embeds=vectors).logits
        with virtual.understood():
            found = module(input_ids=torch.tensor([[1, *ids, 7]])).logits
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, module(input_ids=torch.tensor([[1, *IDS, 7]])).logits, atol=0.1)


@pytest.mark.parametrize("engine", [PackedEngine, PlainEngine])
def test_two_noised_prompts_share_no_noise_in_one_tree(engine: type) -> None:
    module = toy_module()
    virtual = VirtualTokens(module)
    noised = [virtual.noised(IDS, 0.5, 11, name) for name in ("x", "y")]
    asked = [[Sequenced((1, *ids, 7, option), 5) for option in (20, 30)] for ids in noised]
    with virtual.understood():
        together = engine(module).score(asked)
        alone = [engine(module).score([a])[0] for a in asked]
    for some, one in zip(together, alone, strict=True):
        for a, b in zip(some, one, strict=True):
            torch.testing.assert_close(a.log_likelihood, b.log_likelihood)
    assert not torch.allclose(together[0][0].log_likelihood, together[1][0].log_likelihood, atol=1e-3)


def test_afterwards_nothing_is_left_on_the_model() -> None:
    module = toy_module()
    virtual = VirtualTokens(module)
    virtual.noised(IDS, 0.5, 11, "x")
    with pytest.raises(RuntimeError, match="stop"), virtual.understood():
        raise RuntimeError("stop")
    embedding = embedding_of(module)
    assert not embedding._forward_hooks
    assert not embedding._forward_pre_hooks
    virtual.forget()
    assert virtual.noised(IDS, 0.5, 11, "x") == (264, 265, 266)
    assert virtual.noised((), 0.5, 11, "x") == ()
