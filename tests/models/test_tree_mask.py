"""Attention over a tree of tokens against the slow way: every path of it as a row of its own."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BloomConfig, BloomForCausalLM, MistralConfig, MistralForCausalLM

from corrie.models.tree_mask import Tree, tree_attention, tree_of

PARENTS = [-1, 0, 1, 1, 3, 0, 5, 6, 7, 8]
"""A tree of ten nodes: of each the node before it on its path."""

TOKENS = torch.tensor([3, 9, 4, 4, 17, 30, 2, 11, 8, 25])


def path(node: int) -> list[int]:
    return [] if node < 0 else [*path(PARENTS[node]), node]


def tree(known: int = 0) -> Tree:
    ancestry = torch.tensor([[k in path(n) for k in range(len(PARENTS))] for n in range(len(PARENTS))])
    return tree_of(ancestry, torch.tensor([known + len(path(n)) - 1 for n in range(len(PARENTS))]), known)


def mistral() -> Any:
    torch.manual_seed(0)
    sizes: Any = {"vocab_size": 40, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}
    config = MistralConfig(
        **sizes, num_attention_heads=4, num_key_value_heads=2, sliding_window=3, initializer_range=0.3
    )
    return MistralForCausalLM(config).eval()


def bloom() -> Any:
    torch.manual_seed(0)
    return BloomForCausalLM(
        BloomConfig(vocab_size=40, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3)
    ).eval()


@torch.no_grad()
def on_the_tree(module: Any, of: Tree) -> Tensor:
    given: dict[str, Any] = {"input_ids": TOKENS[None], "attention_mask": torch.ones(1, len(PARENTS), dtype=torch.long)}
    if isinstance(module, MistralForCausalLM):
        given["position_ids"] = of.depths[None]
    with tree_attention(module, of):
        return module(**given, use_cache=False).logits[0]


@torch.no_grad()
def alone(module: Any, node: int) -> Tensor:
    return module(input_ids=TOKENS[path(node)][None], use_cache=False).logits[0, -1]


@pytest.mark.parametrize("make", [mistral, bloom])
def test_every_node_sees_its_own_path_by_the_layers_own_rule(make: Any) -> None:
    module = make()
    found = on_the_tree(module, tree())
    wanted = torch.stack([alone(module, node) for node in range(len(PARENTS))])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_outside_of_the_block_a_row_is_a_row_again() -> None:
    module = mistral()
    with torch.no_grad():
        before = module(input_ids=TOKENS[None], use_cache=False).logits
        on_the_tree(module, tree())
        assert torch.equal(module(input_ids=TOKENS[None], use_cache=False).logits, before)


def test_a_rule_is_asked_about_depths_and_holds_for_ancestors_only() -> None:
    of, window = tree(known=2), 2
    seen = of.rule(lambda batch, head, query, key: (query >= key) & (query - key < window))
    for node in range(len(PARENTS)):
        ways = [0, 1, *(2 + n for n in path(node))]  # places of the path in the row, the known beginning first
        keys = [k for k in range(2 + len(PARENTS)) if bool(seen(0, 0, torch.tensor(2 + node), torch.tensor(k)))]
        assert keys == ways[-window:]
