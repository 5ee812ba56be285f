"""A toy that vLLM takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corrie.testing.toy_models import Architecture, byte_tokenizer, toy_module

WIDTH = 128
"""vLLM's attention on a CPU takes heads of 32 numbers and more."""


def saved(folder: Path, seed: int = 0, family: Architecture = "qwen2", **how: Any) -> Path:
    """Queries, keys and values of the usual one have a bias, and its head is the embedding."""
    module: Any = toy_module(family, seed, WIDTH, **how)
    module.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder
