"""Tensors that a checkpoint may hold though its model has no use for them."""

from __future__ import annotations

import re

REDUNDANT = {
    r"(^|[._])inv_freq$": "rotary frequencies: computed from the configuration",
    r"(^|\.)position_ids$": "0, 1, 2, …",
    r"\.(attn|attention|self_attn|self_attention)\.(bias|masked_bias|causal_mask)$": "the causal mask, its fill value",
    r"(^|\.)mtp(_layers)?\.": "layers that predict tokens beyond the next one: no part of the causal model",
    r"^v_head\.": "the value head of reinforcement learning: no part of the causal model",
}
"""A pattern, and why nothing is lost."""


def redundant(name: str, config: object = None) -> str:
    """Why a tensor that the model does not have may be passed over; nothing where it may not.

    Args:
        name: as it is stored.
        config: the model's configuration, which may count extra layers apart (``num_nextn_predict_layers``).

    >>> redundant("transformer.h.0.attn.bias"), redundant("model.layers.0.mlp.up_proj.weight_scale")
    ('the causal mask, its fill value', '')
    """
    why = next((why for pattern, why in REDUNDANT.items() if re.search(pattern, name)), "")
    more, layers = (getattr(config, n, None) for n in ("num_nextn_predict_layers", "num_hidden_layers"))
    found = re.search(r"(?:^|\.)layers\.(\d+)\.", name)
    if why or not isinstance(more, int) or not isinstance(layers, int) or found is None:
        return why
    return "a layer that predicts tokens beyond the next one" if layers <= int(found[1]) < layers + more else ""
