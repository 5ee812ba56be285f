"""A tiny random language model of every architecture family that the installed ``transformers`` knows.

A family is a ``model_type`` of its causal language models, built from the library's own default configuration in
miniature (:mod:`corrie.models.miniature`), with what is special about it made to show on a hundred tokens: windows of
eight tokens, ropes that change at forty, every kind of layer at least once.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from corrie.errors import ModelError
from corrie.models.miniature import MINIATURE_WINDOW, SWITCH_OVER, build_miniature, miniature

_LONG_ROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [1.0, 2.0, 4.0, 8.0],
    "original_max_position_embeddings": SWITCH_OVER,
    "factor": 8.0,
}
_SLIDES = {"sliding_window": MINIATURE_WINDOW, "use_sliding_window": True, "max_window_layers": 1, "layer_types": None}
_OWN: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "bert": {"is_decoder": True},
    "deepseek_v2": {"num_experts_per_tok": 2, "topk_method": "greedy"},
    "dots1": {
        "n_routed_experts": 4,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "layer_types": ["full_attention", "sliding_attention"],
    },
    "exaone4": {"sliding_window": MINIATURE_WINDOW},
    "falcon": {"alibi": True},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"]},
    "hrm_text": {"H_cycles": 1, "L_cycles": 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "longcat_flash": {"qk_head_dim": 16, "head_dim": 8},
    "mistral": {"sliding_window": MINIATURE_WINDOW},
    "mixtral": {"sliding_window": MINIATURE_WINDOW},
    "nemotron": {"num_key_value_heads": 2},
    "phi3": {"rope_parameters": _LONG_ROPE, "original_max_position_embeddings": SWITCH_OVER, "sliding_window": 16},
    "qwen2": _SLIDES,
    "qwen2_moe": _SLIDES,
    "qwen3": _SLIDES,
    "starcoder2": {"sliding_window": MINIATURE_WINDOW},
    "xlm": {"causal": True},
}
"""What a family's default configuration leaves out, or leaves off."""

_DECODERS = frozenset(
    {
        *("bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie", "megatron-bert"),
        *("prophetnet", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer", "xlm-roberta"),
        *("xlm-roberta-xl", "xmod"),
    }
)
"""Encoders that are causal language models when told so."""


def families() -> tuple[str, ...]:
    """Every ``model_type`` that the installed transformers has a causal language model of.

    >>> "llama" in families() and "mamba" in families()
    True
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return tuple(sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))


def tiny_module(family: str, seed: int = 0) -> nn.Module:
    """A tiny random model of a family, in float32 and in evaluation mode; the same numbers for the same seed.

    Raises:
        ModelError: it cannot be built, and why: a library that is missing, a configuration without usable defaults.

    >>> tiny_module("gemma2").config.sliding_window
    8
    """
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    own = dict(_OWN.get(family, {"is_decoder": True} if family in _DECODERS else {}))
    try:
        config = miniature(CONFIG_MAPPING[family](), **own, eos_token_id=256)
        kind: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        return build_miniature(kind, config, seed)
    except Exception as problem:  # whatever a configuration of the library's cannot do
        words = " ".join(str(problem).split()) or type(problem).__name__
        raise ModelError(f"a tiny {family}", found=words[:160]) from None
