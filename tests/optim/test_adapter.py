"""The move of a low-rank adapter, against the merged weights of PEFT."""

from __future__ import annotations

import math

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from corrie.errors import InputError
from corrie.optim.adapter import LivePair, find_adapters


def test_equals_the_difference_of_the_merged_weights(tiny):
    net = get_peft_model(
        tiny.model(), LoraConfig(r=3, lora_alpha=7, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    )
    layers = [m for m in net.modules() if hasattr(m, "get_delta_weight")]
    before = [layer.get_delta_weight("default").detach().double() for layer in layers]
    adapters = find_adapters(net)
    assert len(adapters) == len(layers) == 4
    torch.manual_seed(1)
    with torch.no_grad():
        for name, p in net.named_parameters():
            if "lora_" in name:
                p.add_(0.1 * torch.randn_like(p))
    slow = sum(
        float((layer.get_delta_weight("default").detach().double() - old).square().sum())
        for layer, old in zip(layers, before, strict=True)
    )
    assert sum(a.squared_distance() for a in adapters) == pytest.approx(slow, rel=1e-5)


def test_no_move_is_zero():
    a, b = nn.Parameter(torch.randn(2, 30)), nn.Parameter(torch.randn(20, 2))
    adapter = LivePair(a, b, a.detach().clone(), b.detach().clone(), 1.0)
    assert math.sqrt(adapter.squared_distance()) < 1e-5


def test_a_model_without_adapters_has_none(tiny):
    assert find_adapters(tiny.model()) == ()


def test_other_kinds_are_refused(tiny):
    dora = get_peft_model(tiny.model(), LoraConfig(r=2, target_modules=["q_proj"], use_dora=True))
    with pytest.raises(InputError, match="lora_magnitude_vector"):
        find_adapters(dora)
    embedding = get_peft_model(tiny.model(), LoraConfig(r=2, target_modules=["embed_tokens"]))
    with pytest.raises(InputError, match="lora_embedding_A"):
        find_adapters(embedding)
    two = get_peft_model(tiny.model(), LoraConfig(r=2, target_modules=["q_proj"]))
    two.add_adapter("second", LoraConfig(r=2, target_modules=["q_proj"]))
    with pytest.raises(InputError, match="several adapters"):
        find_adapters(two)
