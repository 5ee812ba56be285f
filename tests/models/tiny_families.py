"""Tiny random models of families with other names on disk than in memory, or with settings of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from corrie.testing.toy_models import byte_tokenizer

SIZES: dict[str, Any] = {
    "vocab_size": 264,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": 256,
}
LATENT: dict[str, Any] = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 4,
}
ROUTED: dict[str, Any] = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
FEW: dict[str, Any] = {"num_local_experts": 4, "num_experts_per_tok": 2}

MOE: Mapping[str, tuple[str, dict[str, Any]]] = {
    "qwen3-moe": (
        "Qwen3MoeConfig",
        {"head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    ),
    "mixtral": ("MixtralConfig", FEW),
    "granite-moe": ("GraniteMoeConfig", FEW),
    "gpt-oss": ("GptOssConfig", {**FEW, "head_dim": 8}),
    "deepseek-v3": ("DeepseekV3Config", {**ROUTED, **LATENT}),
    "glm-4.5": ("Glm4MoeConfig", {**ROUTED, "head_dim": 8}),
}
"""Family → its configuration's class, and what it needs beside :data:`SIZES`."""


def config_of(kind: str, **settings: Any) -> Any:
    return getattr(transformers, kind)(**{**SIZES, **settings})


def module_of(config: Any, seed: int = 0) -> Any:
    automatic: Any = transformers.AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return automatic.from_config(config).eval()


def moe(family: str, seed: int = 0) -> Any:
    kind, settings = MOE[family]
    return module_of(config_of(kind, **settings), seed)


def keep(module: Any, folder: Path) -> Path:
    module.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@torch.no_grad()
def logits(module: nn.Module) -> Tensor:
    ids = torch.tensor([[7, 201, 33, 4, 90, 90, 18, 250, 3, 64, 11, 5]])
    return module(input_ids=ids, use_cache=False).logits[0].float()
