"""A toy model as a GGUF file, as llama.cpp's converter writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from corrie.testing.toy_models import byte_tokenizer

_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "post_attention_layernorm": "ffn_norm",
    "input_layernorm": "attn_norm",
    "model.layers.": "blk.",
}


def save_toy_gguf(
    file: Path,
    module: nn.Module,
    *,
    kind: str = "F32",
    architecture: str = "llama",
    says: Mapping[str, Any] | None = None,
    more: Mapping[str, Sequence[float]] | None = None,
    without: Sequence[str] = (),
) -> Path:
    """A Llama or Qwen2 toy in a GGUF file.

    Args:
        file: where to.
        module: of :func:`corrie.testing.toy_models.toy_module`, or another of these architectures.
        kind: the storage type of matrices whose rows are of a multiple of its block (``F32``, ``Q8_0``, …).
        architecture: what the header calls it (``llama``, ``qwen2``).
        says: further keys of the header (texts, whole numbers, floats, truth values), or other values of its own.
        more: further tensors of one dimension (``rope_freqs.weight``).
        without: tensors that are left out, by GGUF's name.
    """
    import gguf
    import numpy as np

    config: Any = module.config
    writer = gguf.GGUFWriter(file, architecture)
    header: dict[str, Any] = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.dimension_count": config.hidden_size // config.num_attention_heads,
        "rope.freq_base": float(config.rope_parameters["rope_theta"]),
        "vocab_size": config.vocab_size,
    }
    header = {f"{architecture}.{k}": v for k, v in header.items()} | dict(says or {})
    for key, value in header.items():
        _add(writer, key, value)
    tokenizer = byte_tokenizer()
    words = [tokenizer.convert_ids_to_tokens(i) or f"<unused{i}>" for i in range(config.vocab_size)]
    words[-1] = "ab"
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * (config.vocab_size - 256))
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(256)
    storage = gguf.GGMLQuantizationType[kind]
    block = gguf.GGML_QUANT_SIZES[storage][0]
    for name, parameter in module.named_parameters():
        for ours, theirs in _NAMES.items():
            name = name.replace(ours, theirs)
        if name in without:
            continue
        values = parameter.detach().float().numpy()
        if architecture == "llama" and (".attn_q." in name or ".attn_k." in name):
            heads = config.num_attention_heads if ".attn_q." in name else config.num_key_value_heads
            values = _interleaved(values, heads)
        if kind != "F32" and values.ndim == 2 and values.shape[1] % block == 0:
            writer.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values), storage), raw_dtype=storage)
        else:
            writer.add_tensor(name, np.ascontiguousarray(values))
    for name, numbers in (more or {}).items():
        writer.add_tensor(name, np.array(numbers, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _add(writer: Any, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_string(key, value)


def _interleaved(values: Any, heads: int) -> Any:
    """llama.cpp keeps the two halves of a rotary head interleaved."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, 2, half, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
