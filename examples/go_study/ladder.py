"""The ladder: small language models of one shape in four sizes (and larger ones for a GPU).

Llama's architecture as transformers builds it, embeddings tied. Widths grow with depth; a head is 16 to 64 wide; the
vocabulary is small, so that most parameters are in the layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

VOCABULARY = 1024
WINDOW = 128


@dataclass(frozen=True, slots=True)
class Size:
    """One rung.

    tokens      tokens that are trained on (of a method with one pass a step)
    batch       sequences of ``WINDOW`` tokens a step
    lr          peak learning rate of AdamW, for every method
    looked_at   examples of each domain that are scored at every look during fine-tuning
    """

    name: str
    width: int
    inner: int
    layers: int
    heads: int
    tokens: int
    batch: int
    lr: float
    looked_at: int = 200

    @property
    def steps(self) -> int:
        """Steps of a method with one pass a step."""
        return self.tokens // (self.batch * WINDOW)


SIZES = {
    size.name: size
    for size in (
        Size("0.17M", 64, 176, 2, 4, tokens=500_000, batch=8, lr=1e-2),
        Size("0.7M", 112, 304, 4, 4, tokens=500_000, batch=8, lr=6e-3),
        Size("2.6M", 224, 600, 4, 4, tokens=500_000, batch=4, lr=3e-3, looked_at=100),
        Size("8.3M", 320, 960, 6, 5, tokens=500_000, batch=4, lr=2e-3, looked_at=100),
        Size("30M", 576, 1536, 7, 9, tokens=20_000_000, batch=64, lr=1e-3),
        Size("124M", 768, 2048, 17, 12, tokens=30_000_000, batch=64, lr=6e-4),
    )
}


def build(size: Size, seed: int, dropout: float = 0.0, scale: float = 1.0) -> nn.Module:
    """A fresh model; the seed decides its weights, of standard deviation width^(−1/2).

    Dropout is on what each attention and each MLP adds. With a ``scale`` k matrices are k times as large, and the gains
    of norms 1/k instead of 1.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=size.width,
            intermediate_size=size.inner,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            initializer_range=scale * size.width**-0.5,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=None,
        )
    )
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.constant_(parameter, 1 / scale)
    if dropout:
        for layer in model.model.layers:
            layer.self_attn.register_forward_hook(lambda m, _, out: (_drop(m, out[0], dropout), *out[1:]))
            layer.mlp.register_forward_hook(lambda m, _, out: _drop(m, out, dropout))
    return model


def _drop(module: nn.Module, added: Tensor, share: float) -> Tensor:
    return nn.functional.dropout(added, share, module.training)
