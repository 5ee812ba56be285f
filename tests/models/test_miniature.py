"""An architecture in miniature: everything small, everything special kept, the same numbers for the same seed."""

from typing import Any

import pytest
import torch
from transformers import (
    Gemma3TextConfig,
    GlmMoeDsaConfig,
    JambaConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    Phi3Config,
)

from corrie.errors import ModelError
from corrie.models.miniature import (
    LARGEST,
    MINIATURE_WINDOW,
    POSITIONS,
    SWITCH_OVER,
    VOCABULARY,
    build_miniature,
    miniature,
)


def test_sizes_are_small_and_switches_stay() -> None:
    small = miniature(
        LlamaConfig(
            hidden_size=4096, num_attention_heads=32, num_key_value_heads=8, attention_bias=True, hidden_act="relu"
        )
    )
    assert (small.vocab_size, small.hidden_size, small.num_hidden_layers) == (VOCABULARY, 32, 2)
    assert (small.num_attention_heads, small.num_key_value_heads, small.head_dim) == (4, 2, 8)
    assert (small.attention_bias, small.hidden_act, small.max_position_embeddings) == (True, "relu", POSITIONS)


@pytest.mark.parametrize(("heads", "keys", "kept"), [(32, 32, 4), (32, 8, 2), (32, 1, 1)])
def test_heads_share_keys_as_they_did(heads: int, keys: int, kept: int) -> None:
    small = miniature(LlamaConfig(num_attention_heads=heads, num_key_value_heads=keys))
    assert (small.num_attention_heads, small.num_key_value_heads) == (4, kept)


def test_every_kind_of_layer_is_there_once_at_least() -> None:
    gemma, jamba = miniature(Gemma3TextConfig()), miniature(JambaConfig())
    assert set(gemma.layer_types) == {"sliding_attention", "full_attention"}
    assert set(jamba.layers_block_type) == {"mamba", "attention"}
    assert gemma.num_hidden_layers == len(gemma.layer_types) <= 6


def test_windows_are_eight_tokens_and_smaller_ones_stay() -> None:
    assert miniature(MistralConfig(sliding_window=4096)).sliding_window == MINIATURE_WINDOW
    assert miniature(MistralConfig(sliding_window=3)).sliding_window == 3
    assert miniature(MistralConfig(sliding_window=None)).sliding_window is None


def test_a_rope_changes_at_forty_and_keeps_its_factors() -> None:
    rope: Any = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 48,
        "long_factor": [1.0 + i for i in range(48)],
    }
    config = Phi3Config(
        rope_parameters=rope, original_max_position_embeddings=4096, max_position_embeddings=131072, pad_token_id=0
    )
    small = miniature(config)
    assert small.original_max_position_embeddings == SWITCH_OVER
    factors = small.rope_parameters["long_factor"]
    assert len(factors) == small.hidden_size // small.num_attention_heads // 2
    assert factors == [1.0, 13.0, 25.0, 37.0]


def test_a_selector_of_tokens_keeps_enough_heads_not_to_tie() -> None:
    """With few heads the scores of many tokens are exactly zero, and which of them are taken is nobody's rule."""
    assert miniature(GlmMoeDsaConfig()).index_n_heads == 16
    assert miniature(GlmMoeDsaConfig(index_n_heads=4)).index_n_heads == 4


def test_the_configuration_that_is_given_is_left_alone() -> None:
    config = Gemma3TextConfig()
    before = config.to_dict()
    miniature(config)
    assert config.to_dict() == before


def test_a_seed_is_a_model_and_the_callers_generator_stays() -> None:
    config = miniature(LlamaConfig())
    state = torch.get_rng_state()
    first, again, other = (build_miniature(LlamaForCausalLM, config, seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not any(torch.equal(a, c) for a, _, c in pairs)
    assert not any(bool((a == 0).any()) for a, _, _ in pairs)
    assert not first.training


def test_what_was_not_made_small_is_refused_before_it_is_built() -> None:
    with pytest.raises(ModelError, match="whatever is made small"):
        build_miniature(LlamaForCausalLM, LlamaConfig(hidden_size=2048, vocab_size=LARGEST))
