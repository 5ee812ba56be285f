"""A model's architecture in miniature: its own configuration with every size made small.

What an architecture does with a padded row, a window or a switch-over length does not depend on how large it is. So a
question that would be ruinous to put to a large model (a window of 4,096 tokens, a rope that changes at 32,768) is put
to its miniature: the same class with the same switches, a few layers with every kind of layer among them, windows of
eight tokens, switch-over lengths of forty.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from corrie.errors import ModelError

VOCABULARY = 264
MINIATURE_WINDOW = 8
SWITCH_OVER = 40
POSITIONS = 512
LARGEST = 3_000_000
"""Numbers: what stays above was not made small."""

_SIZES: dict[str, int] = {
    name: size
    for size, names in (
        (
            VOCABULARY,
            "vocab_size vocab_size_per_layer_input unpadded_vocab_size decoder_vocab_size "
            "pronunciation_vocab_size shape_vocab_size",
        ),
        (
            POSITIONS,
            "n_positions max_seq_len n_ctx max_sequence_length model_max_length max_target_positions "
            "context_length mem_len max_seq_length",
        ),
        (
            64,
            "intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_inner n_inner dim_ff dff d_ff "
            "feed_forward_size mamba_d_ssm ngram_vocab_size_base",
        ),
        (
            32,
            "hidden_size n_embd d_model embedding_size dim_model word_embed_proj_dim moe_intermediate_size "
            "intermediate_size_mlp dense_intermediate_size shared_expert_intermediate_size hidden_dim emb_dim "
            "embedding_dim lru_width attention_hidden_size expert_ffn_hidden_size shared_intermediate_size "
            "input_embedding_size output_embedding_size pronunciation_embed_dim shape_embed_dim router_hidden_size "
            "shared_experts_intermediate_size moe_shared_expert_intermediate_size ffn_hidden_size backbone_hidden_size "
            "hidden_size_per_layer_input ple_embed_dim cross_attention_hidden_size",
        ),
        (
            16,
            "q_lora_rank kv_lora_rank laurel_rank o_lora_rank adapter_rank gated_norm_rank state_size mamba_d_state "
            "ssm_state_size hc_lowrank time_step_rank mamba_dt_rank loop_gate_rank attention_head_dim "
            "mamba_headdim dim_model_base num_centroids index_n_heads",
        ),
        (
            8,
            "head_dim kv_channels v_head_dim d_kv qk_nope_head_dim qk_rope_head_dim swa_head_dim swa_v_head_dim "
            "global_head_dim linear_key_head_dim linear_value_head_dim linear_head_dim index_head_dim dim_head d_head "
            "attention_head_size mamba_d_head mamba_head_dim d_rel rel_extent query_pre_attn_scalar",
        ),
        (
            MINIATURE_WINDOW,
            "sliding_window window_size attention_window_size attention_chunk_size local_attention "
            "sliding_window_size local_attention_window_len keep_window_size index_topk "
            "log_scaling_n_floor index_block_size mamba_chunk_size chunk_size block_size linear_attention_chunk_size",
        ),
        (
            4,
            "num_attention_heads n_head n_heads num_heads attention_heads encoder_attention_heads "
            "decoder_attention_heads num_decoder_attention_heads num_encoder_attention_heads num_experts "
            "num_local_experts n_routed_experts moe_num_experts mamba_n_heads mamba_num_heads linear_num_heads "
            "swa_num_attention_heads "
            "rotary_dim zero_expert_num heads_per_ngram",
        ),
        (
            2,
            "num_experts_per_tok moe_topk moe_k num_experts_per_token top_k_experts moe_top_k topk index_topk_blocks "
            "linear_num_key_heads linear_num_value_heads encoder_layers decoder_layers num_decoder_layers "
            "num_encoder_layers n_mamba_heads o_groups mamba_n_groups",
        ),
        (1, "n_group topk_group num_expert_groups num_expert_group n_groups num_kv_shared_layers"),
    )
    for name in names.split()
}
_EXACT = frozenset(
    {
        *("hidden_size", "n_embd", "d_model", "embedding_size", "dim_model", "head_dim", "word_embed_proj_dim"),
        *("num_attention_heads", "n_head", "n_heads", "attention_heads", "decoder_attention_heads"),
    }
)
"""Sizes that must agree with each other: larger ones are cut to them, and smaller ones raised."""

_OWN: dict[str, dict[str, Any]] = {
    "bamba": {"mamba_n_heads": 8},
    "blt": {"encoder_hash_byte_group_size": [3], "encoder_hash_byte_group_vocab": 50},
    "falcon_h1": {"mamba_n_heads": 8},
    "granitemoehybrid": {"mamba_n_heads": 8},
    "helium": {"head_dim": 8, "num_attention_heads": 4, "num_key_value_heads": 2},
    "mamba2": {"num_heads": 8},
    "reformer": {"is_decoder": True, "axial_pos_shape": [16, 32], "axial_pos_embds_dim": [16, 16]},
    "xmod": {"default_language": "en_XX"},
    "zamba": {
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"],
        "num_hidden_layers": 4,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "mamba_dt_rank": 4,
        "n_mamba_heads": 2,
    },
    "zamba2": {
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"],
        "num_hidden_layers": 4,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "mamba_headdim": 8,
        "n_mamba_heads": 8,
        "hybrid_layer_ids": [1, 3],
        "num_mem_blocks": 1,
    },
}
"""What a family's own sizes must agree on, beyond the rule."""

_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_blocks")
_KEY_HEADS = ("num_key_value_heads", "num_kv_heads", "swa_num_key_value_heads", "num_global_key_value_heads")
_SPREADS = ("initializer_range", "init_std")
_PERIODS = {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1}
"""Which layers are of which kind, where the configuration counts instead of listing them."""


def miniature(config: Any, **own: Any) -> Any:
    """The configuration with every size made small, as one of the same class.

    ``own``: values that stand above the rule (a family that needs a size of its own).

    >>> from transformers import MistralConfig
    >>> small = miniature(MistralConfig())
    >>> small.hidden_size, small.num_hidden_layers, small.sliding_window
    (32, 2, 8)
    """
    kept = copy.deepcopy(config.to_dict())
    small = _small(kept)
    for name, value in kept.items():
        inner = vars(config).get(name)
        if isinstance(value, dict) and hasattr(inner, "to_dict"):
            small[name] = miniature(inner, **own.get(name, {})).to_dict()
    own = _OWN.get(str(kept.get("model_type")), {}) | own
    small.update({name: value for name, value in own.items() if not hasattr(vars(config).get(name), "to_dict")})
    for name in ("model_type", "architectures", "transformers_version", "_name_or_path", "dtype"):
        small.pop(name, None)
    return type(config)(**small)


def build_miniature(kind: type[nn.Module], config: Any, seed: int = 0) -> nn.Module:
    """A random model of a class and a configuration, in float32; every number moved, so that none is zero or one by
    its initialisation alone. Nobody's global generator is moved.

    Raises:
        ModelError: the configuration was not made small.
    """
    make: Any = kind
    if not isinstance(config, make.config_class):
        config = config.get_text_config()
    implementation = getattr(config, "_attn_implementation", None)
    options = {"attn_implementation": implementation} if implementation else {}
    with _plain():
        with torch.device("meta"):
            numbers = sum(p.numel() for p in make._from_config(copy.deepcopy(config)).parameters())
        if numbers > LARGEST:
            raise ModelError(f"a small {kind.__name__}", found=f"{numbers:,} numbers, whatever is made small")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = make._from_config(config, dtype=torch.float32, **options)
            with torch.no_grad():
                for parameter in module.parameters():
                    if parameter.is_floating_point():
                        parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return module.eval()


def _small(kept: Mapping[str, Any]) -> dict[str, Any]:
    small = dict(kept)
    layers = next((kept[n] for n in _LAYERS if isinstance(kept.get(n), int)), None)
    chosen = _layers(kept, layers)
    for name, value in kept.items():
        if isinstance(value, list) and layers and len(value) == layers and name not in ("rope_parameters",):
            small[name] = [value[i] for i in chosen]
        elif value is None and name == "head_dim":
            small[name] = _SIZES[name]
        elif isinstance(value, bool) or value is None:
            continue
        elif name.endswith("_token_id") and isinstance(value, int):
            small[name] = value % VOCABULARY
        elif isinstance(value, int) and name in _SIZES:
            small[name] = _SIZES[name] if name in _EXACT and value else min(value, _SIZES[name])
        elif isinstance(value, int) and name in _LAYERS:
            small[name] = len(chosen)
        elif name in _PERIODS:
            small[name] = _PERIODS[name]
        elif name in _SPREADS:
            small[name] = 0.2
    if isinstance(kept.get("per_layer_config"), dict):
        small["per_layer_config"] = {
            str(place): _small(of)
            for place, layer in enumerate(chosen)
            if (of := kept["per_layer_config"].get(layer, kept["per_layer_config"].get(str(layer)))) is not None
        }
    if "n_recurrent_layers" in kept:
        small |= {"n_input_layers": 1, "n_recurrent_layers": len(chosen) - 2, "n_output_layers": 1}
    heads = next((kept[n] for n in ("num_attention_heads", "n_head", "n_heads") if isinstance(kept.get(n), int)), None)
    for name in _KEY_HEADS:
        if isinstance(kept.get(name), int):
            small[name] = {1: 1, heads: 4}.get(kept[name], 2)
    _shorten(small, kept)
    return small


def _layers(kept: Mapping[str, Any], layers: int | None) -> list[int]:
    """Places of the layers that stay: the first of every kind, two at least."""
    if layers is None:
        return [0, 1]
    lists = [v for v in kept.values() if isinstance(v, list) and len(v) == layers]
    kinds = list(zip(*lists, strict=True)) if lists else []
    first: dict[str, int] = {}
    for place, kind in enumerate(kinds):
        first.setdefault(repr(kind), place)
    pattern = max((len(kept[n]) for n in ("block_types",) if isinstance(kept.get(n), list)), default=0)
    if any(name in kept for name in _PERIODS):
        pattern = 4
    if "n_recurrent_layers" in kept:
        pattern = 3
    least = min(layers, max(2, pattern))
    rest = [place for place in range(layers) if place not in first.values()]
    places = list(first.values())[:6]
    return sorted(places + rest[: max(0, least - len(places))])


def _shorten(small: dict[str, Any], kept: Mapping[str, Any]) -> None:
    """Positions cut, and the lengths at which a rope changes."""
    if isinstance(kept.get("max_position_embeddings"), int):
        small["max_position_embeddings"] = POSITIONS
    if isinstance(kept.get("original_max_position_embeddings"), int):
        small["original_max_position_embeddings"] = SWITCH_OVER
    if isinstance(rope := kept.get("rope_parameters"), dict):
        small["rope_parameters"] = _rope(rope, small)


def _rope(rope: Mapping[str, Any], small: dict[str, Any]) -> dict[str, Any]:
    """Rope parameters (or those of every kind of layer) with a switch-over at forty positions."""
    out: dict[str, Any] = {}
    for name, value in rope.items():
        if isinstance(value, dict):
            out[name] = _rope(value, small)
        elif name == "original_max_position_embeddings" and value is not None:
            out[name] = SWITCH_OVER
        elif name in ("long_factor", "short_factor") and isinstance(value, list):
            width = small.get("head_dim") or small["hidden_size"] // small["num_attention_heads"]
            width = int(width * rope.get("partial_rotary_factor", small.get("partial_rotary_factor", 1.0))) // 2
            out[name] = [value[math.floor(i * len(value) / width)] for i in range(width)]
        else:
            out[name] = value
    if rope.get("rope_type") == "dynamic":
        small["max_position_embeddings"] = SWITCH_OVER
    return out


@contextmanager
def _plain() -> Iterator[None]:
    """Libraries' warnings held back."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
