import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.tiny_families import FEW, LATENT, MOE, ROUTED, config_of, logits, module_of, moe
from transformers import AutoConfig

from corrie.models.function import function_hash, other_settings
from corrie.testing.toy_models import save_toy, toy_module

GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
BLOCKED: dict[str, Any] = {"head_dim": 8, "sliding_window": 4}
LOCAL: dict[str, Any] = {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}

OTHER_FUNCTIONS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("LlamaConfig", {}, {"hidden_act": "gelu"}, "hidden_act"),
    ("LlamaConfig", {}, {"rms_norm_eps": 0.1}, "rms_norm_eps"),
    ("LlamaConfig", {}, {"rope_theta": 50.0}, "rope_parameters.rope_theta"),
    ("LlamaConfig", {}, {"rope_scaling": {"type": "linear", "factor": 4.0}}, "rope_parameters.factor"),
    ("LlamaConfig", {"num_key_value_heads": 4}, {"num_attention_heads": 2, "head_dim": 16, "num_key_value_heads": 2},
     "num_attention_heads"),
    ("GraniteConfig", {}, {"embedding_multiplier": 3.0}, "embedding_multiplier"),
    ("GraniteConfig", {}, {"logits_scaling": 3.0}, "logits_scaling"),
    ("GraniteConfig", {}, {"residual_multiplier": 0.3}, "residual_multiplier"),
    ("GraniteConfig", {}, {"attention_multiplier": 0.03}, "attention_multiplier"),
    ("CohereConfig", {}, {"logit_scale": 0.5}, "logit_scale"),
    ("CohereConfig", {}, {"layer_norm_eps": 0.1}, "layer_norm_eps"),
    ("Gemma2Config", BLOCKED, {"final_logit_softcapping": 1.0}, "final_logit_softcapping"),
    ("Gemma2Config", BLOCKED, {"attn_logit_softcapping": 0.1}, "attn_logit_softcapping"),
    ("Gemma2Config", BLOCKED, {"query_pre_attn_scalar": 2}, "query_pre_attn_scalar"),
    ("Gemma2Config", BLOCKED, {"layer_types": ["full_attention"] * 2}, "layer_types"),
    ("Gemma3TextConfig", BLOCKED, {"sliding_window": 2}, "sliding_window"),
    ("MistralConfig", {}, {"sliding_window": 2}, "sliding_window"),
    ("PhiConfig", {}, {"partial_rotary_factor": 1.0}, "rope_parameters.partial_rotary_factor"),
    ("SmolLM3Config", {}, {"no_rope_layers": [0, 1]}, "no_rope_layers"),
    ("OlmoConfig", {}, {"clip_qkv": 0.05}, "clip_qkv"),
    ("FalconConfig", {}, {"alibi": True}, "alibi"),
    ("OPTConfig", {"ffn_dim": 64, "word_embed_proj_dim": 32, "_remove_final_layer_norm": True},
     {"do_layer_norm_before": False}, "do_layer_norm_before"),
    ("BloomConfig", {"n_layer": 2, "n_head": 4}, {"apply_residual_connection_post_layernorm": True},
     "apply_residual_connection_post_layernorm"),
    ("GPT2Config", GPT, {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
    ("GPT2Config", GPT, {"scale_attn_weights": False}, "scale_attn_weights"),
    ("GPTNeoConfig", LOCAL, {"window_size": 2}, "window_size"),
    ("GPTNeoXConfig", {}, {"use_parallel_residual": False}, "use_parallel_residual"),
    ("Qwen3MoeConfig", MOE["qwen3-moe"][1], {"num_experts_per_tok": 1}, "num_experts_per_tok"),
    ("Qwen3MoeConfig", MOE["qwen3-moe"][1], {"norm_topk_prob": True}, "norm_topk_prob"),
    ("MixtralConfig", FEW, {"num_experts_per_tok": 1}, "num_experts_per_tok"),
    ("DeepseekV3Config", {**ROUTED, **LATENT}, {"routed_scaling_factor": 7.0}, "routed_scaling_factor"),
]  # fmt: skip
"""Configuration's class, what it needs, what is changed, and the setting that is named."""


@pytest.mark.parametrize(("kind", "needed", "changed", "named"), OTHER_FUNCTIONS, ids=lambda x: str(x)[:24])
def test_what_changes_the_logits_of_equal_weights_is_named(
    kind: str, needed: dict[str, Any], changed: dict[str, Any], named: str
) -> None:
    one, other = module_of(config_of(kind, **needed)), module_of(config_of(kind, **{**needed, **changed}), seed=1)
    assert logits(one).sub(logits(module_of(one.config))).abs().max() == 0
    other.load_state_dict(one.state_dict())
    assert not torch.allclose(logits(one), logits(other), atol=1e-4)
    assert any(said.startswith(f"{named} is ") for said in other_settings(one, other.config))
    assert function_hash(one) != function_hash(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"use_cache": False, "output_router_logits": True},
        {"attention_dropout": 0.5, "router_aux_loss_coef": 1.0, "initializer_range": 7.0},
        {"bos_token_id": 3, "eos_token_id": [1, 2], "pad_token_id": 0},
        {"trained_by": "a program", "its_version": "2026.1"},
        {"max_position_embeddings": 512},
        {"rope_theta": 10000, "rope_scaling": None},
    ],
    ids=lambda x: next(iter(x)),
)
def test_what_changes_no_logit_is_inert(changed: dict[str, Any]) -> None:
    kind, needed = MOE["qwen3-moe"]
    one, other = module_of(config_of(kind, **needed)), module_of(config_of(kind, **{**needed, **changed}), seed=1)
    other.load_state_dict(one.state_dict())
    assert torch.equal(logits(one), logits(other))
    assert other_settings(one, other.config) == []
    assert function_hash(one) == function_hash(other)


def test_the_longest_context_counts_where_positions_depend_on_it() -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    one, other = (config_of("LlamaConfig", rope_parameters=rope, max_position_embeddings=n) for n in (8, 256))
    assert other_settings(module_of(one), other) == ["max_position_embeddings is 8 here and 256 there"]


def test_old_and_new_spelling_of_rotary_positions() -> None:
    old = config_of("LlamaConfig", rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 4})
    new = config_of("LlamaConfig", rope_parameters=LINEAR)
    assert other_settings(module_of(old), new) == []
    assert function_hash(module_of(old)) == function_hash(module_of(new))


def test_settings_inside_settings() -> None:
    inside = {**config_of("Gemma3TextConfig", **BLOCKED).to_dict(), "head_dim": 8}
    eyes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    terms: dict[str, Any] = {"text_config": inside, "vision_config": eyes}
    module = module_of(config_of("Gemma3Config", **terms))
    other = config_of("Gemma3Config", **{**terms, "text_config": {**inside, "query_pre_attn_scalar": 2}})
    (said,) = other_settings(module, other)
    assert said.endswith("query_pre_attn_scalar is 256 here and 2 there")
    inert = config_of("Gemma3Config", **{**terms, "text_config": {**inside, "use_cache": False}})
    assert other_settings(module, inert) == []


@pytest.mark.parametrize("family", MOE)
def test_a_configuration_that_was_saved_and_read_is_the_same(family: str, tmp_path: Path) -> None:
    module = moe(family)
    module.config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert other_settings(module, again) == []
    assert function_hash(module) == function_hash(module_of(again))


def test_a_default_that_is_written_out_or_left_out(tmp_path: Path) -> None:
    file = save_toy(tmp_path / "toy") / "config.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({k: v for k, v in kept.items() if k not in ("rms_norm_eps", "hidden_act", "mlp_bias")}))
    assert function_hash(module_of(AutoConfig.from_pretrained(file.parent))) == function_hash(toy_module())


def test_no_configuration() -> None:
    assert function_hash(torch.nn.Linear(1, 1)) == ""
