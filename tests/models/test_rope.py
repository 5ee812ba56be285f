"""How far positions stay as they are, and a rope that grew set back: by configurations whose answer is known."""

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, XLNetConfig

from corrie.models.rope import Reach, forget_longer_rows, longest_of, reach_of

DYNAMIC = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}
LONG = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
    "original_max_position_embeddings": 24,
    "factor": 4.0,
}
SIZES: dict[str, Any] = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 4}


def llama(rope: Any) -> LlamaConfig:
    return LlamaConfig(**SIZES, num_hidden_layers=1, max_position_embeddings=40, rope_parameters=rope)


@pytest.mark.parametrize(
    ("rope", "reach", "longest"),
    [
        ({"rope_type": "default", "rope_theta": 10000.0}, Reach(), 40),
        ({"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}, Reach(), 40),
        (DYNAMIC, Reach(depth=40), 160),
        (LONG, Reach(depth=24), 40),
    ],
)
def test_a_rope_that_changes_with_the_row_says_where(rope: Any, reach: Reach, longest: int) -> None:
    assert reach_of(llama(rope)) == reach
    assert longest_of(llama(rope)) == longest


def test_the_shortest_of_several_ropes_counts() -> None:
    class Two:
        max_position_embeddings = 40
        rope_parameters = {"full_attention": DYNAMIC, "sliding_attention": LONG}  # noqa: RUF012

    assert reach_of(Two()) == Reach(depth=24)


def test_a_model_without_a_limit_of_positions_has_none() -> None:
    assert longest_of(XLNetConfig()) is None


def test_rows_within_the_reach_and_only_those_turn_as_a_short_row() -> None:
    config = Phi3Config(
        **SIZES,
        num_key_value_heads=4,
        num_hidden_layers=1,
        max_position_embeddings=96,
        original_max_position_embeddings=24,
        rope_parameters=LONG,
        pad_token_id=0,
    )
    from transformers.models.phi3.modeling_phi3 import Phi3RotaryEmbedding

    depth = reach_of(config).depth
    assert depth is not None
    turned = []
    for length in (4, depth, depth + 1):
        rotary = Phi3RotaryEmbedding(config)
        turned.append(rotary(torch.ones(1), torch.arange(length)[None])[0][0, :4])
    assert torch.equal(turned[0], turned[1])
    assert not torch.equal(turned[0], turned[2])


def test_a_rope_that_grew_is_as_before_any_row() -> None:
    torch.manual_seed(0)
    module = LlamaForCausalLM(llama(DYNAMIC)).eval()
    short, long = torch.arange(12)[None], torch.arange(50)[None]
    with torch.no_grad():
        before = module(input_ids=short, use_cache=False).logits
        module(input_ids=long, use_cache=False)
        rotary: Any = module.model.rotary_emb
        grown = rotary.inv_freq.clone()
        forget_longer_rows(module)
        assert not torch.equal(grown, rotary.inv_freq)
        assert torch.equal(module(input_ids=short, use_cache=False).logits, before)
