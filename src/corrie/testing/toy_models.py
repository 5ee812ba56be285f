"""Tiny language models of real architectures, made in memory in milliseconds, for tests and demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from corrie.models.load import from_module
from corrie.models.model import Model
from corrie.records.model import SelectionSpec

Architecture = Literal["llama", "gpt2", "qwen2"]

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def byte_tokenizer(chat: bool = True) -> Any:
    """A tokenizer whose tokens are bytes, with an end token and (unless told otherwise) a chat template.

    >>> tokenizer = byte_tokenizer()
    >>> len(tokenizer("four").input_ids), tokenizer.decode(tokenizer("four").input_ids)
    (4, 'four')
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    byte_level: Any = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = byte_level
    decoder: Any = decoders.ByteLevel()
    tokenizer.decoder = decoder
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|eos|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|user|>", "<|assistant|>", "<|end|>"]})
    if chat:
        fast.chat_template = CHAT_TEMPLATE
    return fast


def toy_module(architecture: Architecture = "llama", seed: int = 0, width: int = 32, tied: bool = True) -> nn.Module:
    """A randomly initialised two-layer model of a real architecture; nobody's global generator is moved.

    >>> type(toy_module("gpt2")).__name__
    'GPT2LMHeadModel'
    """
    from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config

    vocabulary, positions = 264, 1024
    ends: Any = {"bos_token_id": None, "eos_token_id": 256, "tie_word_embeddings": tied}
    modern: Any = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": positions,
        "initializer_range": 0.2,
        **ends,
    }
    config: Any
    if architecture == "gpt2":
        config = GPT2Config(
            vocab_size=vocabulary,
            n_embd=width,
            n_layer=2,
            n_head=4,
            n_positions=positions,
            initializer_range=0.2,
            **ends,
        )
    else:
        config = (LlamaConfig if architecture == "llama" else Qwen2Config)(**modern)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        automatic: Any = AutoModelForCausalLM
        module = automatic.from_config(config)
    return module.eval()


def toy_model(
    architecture: Architecture = "llama",
    seed: int = 0,
    *,
    tied: bool = True,
    chat: bool = True,
    dtype: torch.dtype = torch.float32,
    selection: SelectionSpec | None = None,
) -> Model:
    """A toy module with its tokenizer, as ``corrie.load`` would give it.

    >>> print(toy_model("qwen2"))
    toy-qwen2-0: Qwen2ForCausalLM, 27,168 parameters in float32 on cpu; 26 tensors of 27,168 numbers move
    """
    module = toy_module(architecture, seed, tied=tied).to(dtype)
    return from_module(module, byte_tokenizer(chat), name=f"toy-{architecture}-{seed}", selection=selection)


def save_toy(folder: Path, architecture: Architecture = "llama", seed: int = 0, *, chat: bool = True) -> Path:
    """A toy model as a checkpoint folder (safetensors, tokenizer), as a user would have one."""
    module: Any = toy_module(architecture, seed)
    module.save_pretrained(folder)
    byte_tokenizer(chat).save_pretrained(folder)
    return folder
