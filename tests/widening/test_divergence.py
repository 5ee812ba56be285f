"""The loss against torch's own KL, and its gradient at rest."""

from __future__ import annotations

import torch

from corrie.widening.divergence import divergence_of


def test_value_and_gradient_are_those_of_torch_s_own_divergence() -> None:
    dice = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 11, generator=dice, requires_grad=True)
    unmoved = torch.log_softmax(torch.randn(3, 5, 11, generator=dice), dim=-1)
    divergence_of(logits, unmoved).backward()
    found, logits.grad = logits.grad, None
    present = torch.log_softmax(logits, dim=-1)
    expected = torch.nn.functional.kl_div(present, unmoved, log_target=True, reduction="sum") / 15
    expected.backward()
    torch.testing.assert_close(divergence_of(logits, unmoved), expected)
    torch.testing.assert_close(found, logits.grad)


def test_at_the_unmoved_model_both_are_zero_to_the_bit() -> None:
    logits = 10 * torch.randn(4, 7, 1000, generator=torch.Generator().manual_seed(1))
    logits.requires_grad_(True)
    loss = divergence_of(logits, torch.log_softmax(logits.detach(), dim=-1))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert torch.count_nonzero(logits.grad) == 0


def test_what_the_unmoved_model_rules_out_adds_nothing() -> None:
    unmoved = torch.tensor([[0.0, -torch.inf]])
    loss = divergence_of(torch.tensor([[2.0, 0.0]]), unmoved)
    assert round(loss.item(), 4) == 0.1269  # −log softmax


def test_low_precision_gives_a_gradient_of_its_own_kind() -> None:
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(2)).bfloat16().requires_grad_(True)
    divergence_of(logits, torch.log_softmax(torch.zeros(2, 9), dim=-1)).backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.bfloat16
