"""Logits at chosen places are those of the whole pass."""

from typing import Any

import pytest
import torch

from corrie.models.head import logits_at
from corrie.testing.families import tiny_module


@pytest.mark.parametrize("family", ["llama", "gemma2", "prophetnet"])
@torch.no_grad()
def test_they_are_those_of_the_whole_pass(family: str) -> None:
    """Gemma caps its logits afterwards; ProphetNet has several streams of predictions, of which the first counts."""
    module: Any = tiny_module(family)
    ids = torch.randint(5, 250, (3, 7), generator=torch.Generator().manual_seed(0))
    rows, positions = torch.tensor([0, 0, 2, 1]), torch.tensor([6, 1, 3, 0])
    whole = module(input_ids=ids, use_cache=False).logits
    with logits_at(module, rows, positions):
        few = module(input_ids=ids, use_cache=False).logits
    assert few.shape == (1, 4, whole.shape[-1])
    torch.testing.assert_close(few[0], whole[rows, positions], rtol=1e-5, atol=1e-5)
