"""The Fisher information of single weights, against a slow sum over every place and every token."""

from __future__ import annotations

import torch

from corrie.testing.toy_models import toy_module
from corrie.weights.selection import named_parameters
from corrie.widening.divergence import divergence_of
from corrie.widening.sensitivity import sensitivity

ROWS = torch.randint(3, 40, (2, 3), generator=torch.Generator().manual_seed(0))
NAMES = ("model.norm.weight", "model.layers.0.self_attn.v_proj.weight")


def test_it_is_the_mean_over_places_and_tokens() -> None:
    module = toy_module(width=8)
    moved = {name: named_parameters(module)[name] for name in NAMES}
    slow = {name: torch.zeros_like(tensor) for name, tensor in moved.items()}
    said = torch.log_softmax(module(ROWS[:1]).logits, -1).flatten(0, 1)
    for place in said:
        for token, logarithm in enumerate(place):
            slopes = torch.autograd.grad(logarithm, list(moved.values()), retain_graph=True)
            for name, slope in zip(NAMES, slopes, strict=True):
                slow[name] += place[token].exp().detach() * slope.square() / len(said)
    found = sensitivity(module, moved, ROWS[:1], size=1, readings=600)
    for name in NAMES:
        assert 0.9 < float(found[name].sum() / slow[name].sum()) < 1.1
        likeness = torch.nn.functional.cosine_similarity(found[name].flatten(), slow[name].flatten(), dim=0)
        assert likeness > 0.95


def test_half_its_sum_times_the_variance_is_the_divergence_at_small_noise() -> None:
    module = toy_module(width=8)
    moved = dict(named_parameters(module))
    found = sensitivity(module, moved, ROWS, size=2, readings=200)
    sigma, dice, told = 0.003, torch.Generator().manual_seed(3), 0.0
    with torch.no_grad():
        unmoved = torch.log_softmax(module(ROWS).logits, -1)
        kept = {name: tensor.clone() for name, tensor in moved.items()}
        for _ in range(60):
            for name, tensor in moved.items():
                tensor.copy_(kept[name] + sigma * torch.randn(tensor.shape, generator=dice))
            told += float(divergence_of(module(ROWS).logits, unmoved)) / 60
    expected = sigma**2 / 2 * float(sum(f.sum() for f in found.values()))
    assert 0.85 < told / expected < 1.15


def test_nothing_of_the_model_is_left_changed() -> None:
    module = toy_module(width=8)
    first = next(module.parameters()).requires_grad_(False)
    sensitivity(module, {NAMES[0]: named_parameters(module)[NAMES[0]]}, ROWS, size=1, readings=3)
    assert not first.requires_grad
    assert all(p.grad is None for p in module.parameters())
    assert all(p.requires_grad for p in list(module.parameters())[1:])
