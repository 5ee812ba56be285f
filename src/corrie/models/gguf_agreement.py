"""Whether what was loaded from a GGUF file is the model that the file describes: its tensors, and what its header says.

transformers passes over what it has no name for. Here everything in a header is either found in the configuration, or
known to change nothing, or the file is refused with its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import nn

from corrie.errors import ModelError
from corrie.models.gguf_header import GgufHeader

FACTORS = "rope_freqs.weight"

_NAMES: dict[str, tuple[str, ...]] = {
    "embedding_length": ("hidden_size", "n_embd", "d_model"),
    "vocab_size": ("vocab_size",),
    "attention.head_count": ("num_attention_heads", "n_head", "num_heads"),
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps", "norm_eps", "norm_epsilon", "layer_norm_epsilon"),
    "attention.layer_norm_epsilon": ("layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon"),
    "attention.sliding_window": ("sliding_window",),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "attention.scale": ("attention_multiplier",),
    "logit_scale": ("logit_scale", "logits_scaling"),
    "residual_scale": ("residual_multiplier",),
    "embedding_scale": ("embedding_multiplier",),
    "expert_count": ("num_experts", "num_local_experts", "n_routed_experts"),
    "expert_used_count": ("num_experts_per_tok",),
    "expert_feed_forward_length": ("moe_intermediate_size", "intermediate_size"),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size",),
    "expert_shared_count": ("n_shared_experts",),
    "expert_weights_scale": ("routed_scaling_factor",),
    "expert_weights_norm": ("norm_topk_prob",),
    "leading_dense_block_count": ("first_k_dense_replace",),
    "use_parallel_residual": ("use_parallel_residual",),
    "ssm.conv_kernel": ("conv_kernel", "linear_conv_kernel_dim"),
    "ssm.state_size": ("state_size", "linear_key_head_dim"),
    "ssm.time_step_rank": ("time_step_rank", "linear_num_value_heads"),
    "ssm.group_count": ("n_groups", "linear_num_key_heads"),
    "shortconv.l_cache": ("conv_L_cache",),
    "full_attention_interval": ("full_attention_interval",),
}
"""What a header calls a setting, and what configurations call it."""

_INERT = {
    "context_length": "a limit, no part of the function",
    "tensor_data_layout": "said of the file",
    "rope.scaling.finetuned": "said of the training",
    "feed_forward_length": "the shapes of the tensors hold it",
    "ssm.inner_size": "the shapes of the tensors hold it",
    "nextn_predict_layers": "layers beside the causal model",
    "rope.dimension_sections": "text has one position for all axes",
}

_NOTHING = {
    "expert_count": 0,
    "expert_used_count": 0,
    "expert_shared_count": 0,
    "expert_weights_scale": 1.0,
    "expert_weights_norm": False,
    "leading_dense_block_count": 0,
    "attention.scale": 0.0,
    "logit_scale": 1.0,
    "residual_scale": 1.0,
    "embedding_scale": 1.0,
    "attention.sliding_window": 0,
    "attention.clamp_kqv": 0.0,
    "attention.max_alibi_bias": 0.0,
    "attention.causal": True,
    "ssm.dt_b_c_rms": False,
    "expert_group_count": 1,
    "expert_group_used_count": 1,
}
"""Values that say: there is none of this."""


def check_tensors(model: nn.Module, header: GgufHeader, unnamed: list[str], asked: str) -> None:
    """Refuse a model that does not hold every number of the file, and nothing else.

    Args:
        model: as it was loaded, no parameter of it missing.
        header: of the file.
        unnamed: tensors of the file for which the reader knows no place, for the message.
        asked: for messages.

    Raises:
        ModelError: numbers of the file were passed over, or parameters were filled from elsewhere.
    """
    held = {t.data_ptr(): t.numel() for t in model.state_dict().values()}
    redundant = {FACTORS}
    there = sum(header.numbers(n) for n in header.shapes if n not in redundant)
    if there != sum(held.values()):
        what = f", first {unnamed[0]}" if unnamed else ""
        raise ModelError(
            asked,
            found=f"it holds {there:,} numbers and the model {sum(held.values()):,}: tensors were passed over{what}",
            advice="the model's safetensors folder",
        )


def check_settings(config: Any, header: GgufHeader, asked: str) -> None:
    """Refuse a configuration that contradicts what the header says, or does not know it.

    Raises:
        ModelError: the setting is named, with both values.
    """
    says = header.of_model()
    for key, value in says.items():
        wrong = _wrong(config, key, value, says)
        if wrong:
            raise ModelError(
                asked,
                found=f"its header says {header.architecture}.{key} = {str(value)[:80]}, and {wrong}",
                advice="the model's safetensors folder",
            )
    silent = _silent(config, says)
    if silent:
        raise ModelError(asked, found=f"its header does not say {silent}", advice="the model's safetensors folder")


def _wrong(config: Any, key: str, value: Any, says: dict[str, Any]) -> str:
    """What the configuration says instead, in words; nothing where it agrees."""
    special = _SPECIAL.get(key)
    if special is not None:
        other = special(config, says)
        return "" if other is None or _same(other, value) else f"it is loaded with {other}"
    if key in _INERT:
        return ""
    found = [getattr(config, n) for n in _NAMES.get(key, ()) if getattr(config, n, None) is not None]
    if any(_same(f, value) for f in found):
        return ""
    if key in _NOTHING and _same(_NOTHING[key], value) and not any(found):
        return ""
    return f"it is loaded with {found[0]}" if found else "that is not known to be read"


def _same(one: Any, other: Any) -> bool:
    """Equal, numbers to the precision of float32; one value for all layers equals a list of it."""
    if isinstance(other, list) and other and not isinstance(one, list):
        return all(_same(one, o) for o in other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=0.0)
    return bool(one == other)


def _layers(config: Any, says: dict[str, Any]) -> Any:
    found = next(
        (getattr(config, n) for n in ("num_hidden_layers", "n_layer", "num_layers") if hasattr(config, n)), None
    )
    return None if found is None else found + says.get("nextn_predict_layers", 0)


def _heads(config: Any, says: dict[str, Any]) -> Any:
    """Key and value heads; where layers differ, which have none is said by the configuration's layer types."""
    kept = says["attention.head_count_kv"]
    if isinstance(kept, list) and getattr(config, "layer_types", None) and len(set(kept)) > 1:
        return kept if max(kept) == config.num_key_value_heads else config.num_key_value_heads
    names = ("num_key_value_heads", "num_kv_heads", "num_attention_heads", "n_head")
    return next((v for n in names if (v := getattr(config, n, None)) is not None), None)


def _head_size(config: Any, says: dict[str, Any]) -> Any:
    size = getattr(config, "global_head_dim", None) or getattr(config, "head_dim", None)
    if size is not None:
        return size
    wide = getattr(config, "hidden_size", None)
    heads = getattr(config, "num_attention_heads", None)
    return wide // heads if wide and heads else None


def _rotary_size(config: Any, says: dict[str, Any]) -> Any:
    size = getattr(config, "rotary_dim", None)
    if size is not None:
        return size
    share = _rope(config).get("partial_rotary_factor") or getattr(config, "partial_rotary_factor", None) or 1.0
    head = _head_size(config, says)
    return None if head is None else int(head * share)


def _base(config: Any, says: dict[str, Any]) -> Any:
    return _rope(config).get("rope_theta", getattr(config, "rope_theta", None))


def _rope(config: Any) -> dict[str, Any]:
    """The rope parameters; where layers differ, those of full attention."""
    found = getattr(config, "rope_parameters", None) or {}
    return found.get("full_attention") or found


def _rope_kind(config: Any, says: dict[str, Any]) -> Any:
    kind = _rope(config).get("rope_type", "default")
    return "none" if kind == "default" else kind


def _rope_factor(config: Any, says: dict[str, Any]) -> Any:
    if says.get("rope.scaling.type", "none") == "none":
        return None
    return _rope(config).get("factor", 1.0)


def _rope_original(config: Any, says: dict[str, Any]) -> Any:
    if says.get("rope.scaling.type", "none") in ("none", "linear"):
        return None
    return _rope(config).get("original_max_position_embeddings")


def _gating(config: Any, says: dict[str, Any]) -> Any:
    """1 is softmax, 2 is sigmoid."""
    return {"softmax": 1, "sigmoid": 2}.get(getattr(config, "scoring_func", "softmax"))


_SPECIAL: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "block_count": _layers,
    "attention.head_count_kv": _heads,
    "attention.key_length": _head_size,
    "attention.value_length": _head_size,
    "rope.dimension_count": _rotary_size,
    "rope.freq_base": _base,
    "rope.scaling.type": _rope_kind,
    "rope.scaling.factor": _rope_factor,
    "rope.scaling.original_context_length": _rope_original,
    "expert_gating_func": _gating,
}


def _silent(config: Any, says: dict[str, Any]) -> str:
    """A setting that changes the function, which the configuration has by default and the header does not give."""
    base = _base(config, says)
    if base is not None and "rope.freq_base" not in says and not _same(base, 10000.0):
        return f"rope.freq_base, and it is loaded with {base}"
    window = getattr(config, "sliding_window", None)
    if window and "attention.sliding_window" not in says and window < says.get("context_length", math.inf):
        return f"attention.sliding_window, and it is loaded with {window}"
    return ""
