"""A small language model of Python code, trained in a minute on one core, on which many settings can be compared.

Llama's architecture, 112 wide, 4 layers, 0.7 M parameters, a byte-level BPE of 1,024 tokens; trained on the standard
library of the interpreter that runs this. One file in twenty is held out, by a hash of its name: from these come the
text on which agreement is measured, the examples whose tokens are to be predicted, and no text for widening.

    python examples/widen_study/small_model.py --work runs/widen-study/small
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LIBRARY = Path(sysconfig.get_path("stdlib"))
NOT_CODE = ("site-packages", "test", "tests", "pydoc_data", "encodings", "__pycache__", "lib-dynload", "idlelib")
VOCABULARY, END = 1024, "<|end|>"
STEPS, WINDOWS, WINDOW, RATE = 1200, 8, 128, 6e-3
EXAMPLES, LETTERS = 200, 160


def prepare(work: Path) -> Path:
    """The model's folder in ``work``, with ``held.txt``, ``held.jsonl`` and the folder ``text`` beside it."""
    made = work / "model"
    if not (work / "done").is_file():
        work.mkdir(parents=True, exist_ok=True)
        kept, held = _divided()
        tokenizer = _tokenizer(kept)
        _texts(work, kept, held)
        ids = torch.tensor([i for text in kept for i in [*tokenizer.encode(text).ids, 0]])
        model: Any = train(ids)
        model.save_pretrained(made)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, bos_token=END).save_pretrained(made)
        (work / "done").touch()
    return made


def train(ids: torch.Tensor) -> LlamaForCausalLM:
    """A model of the stream of tokens: AdamW, warm-up, then a straight line to 0."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=112,
            intermediate_size=304,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=None,
            initializer_range=112**-0.5,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / 60, (STEPS - step) / (STEPS - 60))
        starts = torch.randint(len(ids) - WINDOW, (WINDOWS,)).tolist()
        batch = torch.stack([ids[s : s + WINDOW] for s in starts])
        loss = model(input_ids=batch, labels=batch, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 99:
            print(f"step {step + 1} of {STEPS}: {loss.item():.3f} nats a token", flush=True)
    return model


def _divided() -> tuple[list[str], list[str]]:
    """The library's files to train on, and those that are held out."""
    kept: list[str] = []
    held: list[str] = []
    for name, text in _files():
        side = held if hashlib.sha256(name.encode()).digest()[0] % 20 == 0 else kept
        side.append(text)
    return kept, held


def _files() -> Iterator[tuple[str, str]]:
    for file in sorted(LIBRARY.rglob("*.py")):
        name = file.relative_to(LIBRARY)
        if not any(part in NOT_CODE for part in name.parts):
            yield name.as_posix(), file.read_bytes().decode("utf-8", "replace")


def _tokenizer(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet)
    tokenizer.train_from_iterator([text[:20_000] for text in texts], trainer)
    return tokenizer


def _texts(work: Path, kept: list[str], held: list[str]) -> None:
    """Held-out text in one file and as examples; some of the others as text for widening."""
    long = [text for text in held if len(text) > 4 * LETTERS]
    (work / "held.txt").write_text("\n".join(text[: 20 * LETTERS] for text in long), encoding="utf-8")
    with (work / "held.jsonl").open("w", encoding="utf-8") as file:
        for number in range(EXAMPLES):
            text = long[number % len(long)]
            start = hashlib.sha256(str(number).encode()).digest()[0] * (len(text) - LETTERS) // 256
            file.write(json.dumps({"id": str(number), "text": text[start : start + LETTERS]}) + "\n")
    (work / "text").mkdir(exist_ok=True)
    for number, text in enumerate(kept[:60]):
        (work / "text" / f"{number}.txt").write_text(text, encoding="utf-8")


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/widen-study/small"))
    print(prepare(parser.parse_args().work))


if __name__ == "__main__":
    main()
