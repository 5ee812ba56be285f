"""Good checkpoints of other families and with other tokenizers than the toy's."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

FAMILIES = ("gpt2", "gemma3_text", "qwen3_moe", "mamba2", "bloom", "deepseek_v3", "opt", "phi3")
TOKENIZERS = ("unigram", "wordpiece", "pieces")


def save_others(root: Path) -> dict[str, Path]:
    """A folder for each family and for each kind of tokenizer, by name."""
    from corrie.testing.families import tiny_module
    from corrie.testing.toy_models import byte_tokenizer, save_toy

    for family in FAMILIES:
        tiny: Any = tiny_module(family)
        tiny.save_pretrained(root / family)
        byte_tokenizer(chat=False).save_pretrained(root / family)
    for kind in TOKENIZERS:
        tokenizer(kind).save_pretrained(save_toy(root / kind))
    return {name: root / name for name in (*FAMILIES, *TOKENIZERS)}


def tokenizer(kind: str) -> Any:
    """A tokenizer of another model than bytes, with the steps around it that such tokenizers have."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(f"{string.ascii_letters}{string.digits} .,:?<|>_")
    pieces: Any
    if kind == "unigram":
        pieces = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -2.0), *((c, -3.0 - i / 10) for i, c in enumerate(letters))]
        made = Tokenizer(models.Unigram([*pieces, ("▁a", -2.5), ("the", -2.7)], unk_id=0, byte_fallback=False))
        made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
        made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
        made.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
        )
    elif kind == "wordpiece":
        pieces = {t: i for i, t in enumerate(["[UNK]", "</s>", *letters, *("##" + c for c in letters), "the", "##ing"])}
        made = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=100))
        made.normalizer = normalizers.BertNormalizer(lowercase=True)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece(prefix="##")
    else:
        pieces = {
            t: i
            for i, t in enumerate(
                ["<unk>", "</s>", *(f"<0x{b:02X}>" for b in range(128)), *letters, "▁", "th", "the", "▁t"]
            )
        }
        made = Tokenizer(
            models.BPE(
                pieces, [("t", "h"), ("th", "e"), ("▁", "t")], unk_token="<unk>", byte_fallback=True, fuse_unk=True
            )
        )
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        split = pre_tokenizers.Split(Regex(r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+"), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.Digits(individual_digits=True)])
        made.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        made.post_processor = processors.TemplateProcessing(
            single="</s> $A", pair="</s> $A $B", special_tokens=[("</s>", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>")
