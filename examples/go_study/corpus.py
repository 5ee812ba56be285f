"""Two domains of text from what a machine has: prose to pre-train on, code to fine-tune on.

prose   the GNU Collaborative International Dictionary of English (Debian ``dict-gcide``; GPL: it is trained on, never
        redistributed) and the sources of Python's documentation (Debian ``python3.11-doc``)
code    the standard library of the interpreter that runs this

A document is a file, or a page of the dictionary (neighbouring entries, 2,000 characters or more). One document in
twenty is for validation, decided by a hash of its text, so that no page is on both sides. Tokens are those of a
byte-level BPE with 1,024 entries, trained on both domains' training documents.

    python examples/go_study/corpus.py          # what is there, and how much of it
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ladder import VOCABULARY, WINDOW
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from corrie.capabilities.jsonl import jsonl_task
from corrie.capabilities.task import Task

DICTIONARY = Path("/usr/share/dictd/gcide.dict.dz")
DOCUMENTATION = Path("/usr/share/doc/python3.11/html/_sources")
LIBRARY = Path(sysconfig.get_path("stdlib"))
NOT_CODE = ("site-packages", "pydoc_data", "encodings", "__pycache__", "lib-dynload")
"""Parts of the library's folder that are no code of it, tables, or the documentation once more."""

PAGE = 2_000
END = "<|end|>"
TOKENS = {"prose": 6_000_000, "code": 2_000_000}
"""At most so many tokens are kept for training."""

EXAMPLES, EXAMPLE_TOKENS = 400, 64
"""Of the validation task of each domain."""


def documents(domain: str) -> list[str]:
    """All documents of a domain, in an order that is fixed.

    Raises:
        SystemExit: a corpus is not installed; says what to do.
    """
    if domain == "code":
        return [*_files(LIBRARY, "*.py")]
    if not (DICTIONARY.is_file() and DOCUMENTATION.is_dir()):
        raise SystemExit(
            f"The corpora are not here ({DICTIONARY}, {DOCUMENTATION}).\n"
            "On Debian: apt-get update && apt-get install --no-install-recommends python3.11-doc dict-gcide"
        )
    return [
        *_pages(gzip.decompress(DICTIONARY.read_bytes()).decode("utf-8", "replace")),
        *_files(DOCUMENTATION, "*.txt"),
    ]


def _files(folder: Path, pattern: str) -> Iterator[str]:
    for file in sorted(folder.rglob(pattern)):
        if not any(part in NOT_CODE for part in file.relative_to(folder).parts):
            yield file.read_bytes().decode("utf-8", "replace")


def _pages(dictionary: str) -> Iterator[str]:
    page: list[str] = []
    size = 0
    for line in dictionary.splitlines(keepends=True):
        if size >= PAGE and line[:1].strip():  # a headword: entries are never cut
            yield "".join(page)
            page, size = [], 0
        page.append(line)
        size += len(line)
    yield "".join(page)


def is_validation(document: str) -> bool:
    """Whether a document is kept from training: a function of its text alone."""
    return hashlib.sha256(document.encode("utf-8", "replace")).digest()[0] < 256 // 20


@dataclass(frozen=True)
class Corpora:
    """What training and measuring need.

    tokenizer   the same for all models
    train       domain → token ids of its training documents, one after the other, ``END`` between
    tasks       domain → corrie's task on its validation documents: share of greedy tokens, and nats per token
    """

    tokenizer: Any
    train: dict[str, Tensor]
    tasks: dict[str, Task]

    def batches(self, domain: str, count: int, batch: int, seed: int) -> Iterator[Tensor]:
        """``count`` batches of windows from random places, shape (batch, ``WINDOW``)."""
        ids = self.train[domain]
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            starts = torch.randint(len(ids) - WINDOW, (batch,), generator=generator)
            yield torch.stack([ids[s : s + WINDOW] for s in starts.tolist()]).long()


def corpora(work: Path) -> Corpora:
    """From the folder ``work``, made there first if need be (half a minute)."""
    folder = work / "corpora"
    if not (folder / "done").is_file():
        _prepare(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), eos_token=END)
    return Corpora(
        tokenizer=tokenizer,
        train={d: torch.from_numpy(np.load(folder / f"{d}.npy").astype(np.int32)) for d in TOKENS},
        tasks={d: jsonl_task(folder / f"{d}.jsonl") for d in TOKENS},
    )


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    training, validation = {}, {}
    for domain in TOKENS:
        found = documents(domain)
        random.Random(0).shuffle(found)
        training[domain] = [d for d in found if not is_validation(d)]
        validation[domain] = [d for d in found if is_validation(d)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    sample = [d[:20_000] for domain in TOKENS for d in training[domain][:1_500]]
    tokenizer.train_from_iterator(sample, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    for domain, most in TOKENS.items():
        ids: list[int] = []
        for document in training[domain]:
            ids += [*tokenizer.encode(document).ids, 0]
            if len(ids) >= most:
                break
        np.save(folder / f"{domain}.npy", np.array(ids[:most], dtype=np.uint16))
        with (folder / f"{domain}.jsonl").open("w") as file:
            for number, text in enumerate(_excerpts(tokenizer, validation[domain])):
                file.write(json.dumps({"id": str(number), "text": text}) + "\n")
    (folder / "done").touch()


def _excerpts(tokenizer: Tokenizer, found: list[str]) -> Iterator[str]:
    """One piece of ``EXAMPLE_TOKENS`` tokens from a random place of each document, in turn, until there are enough."""
    chance = random.Random(1)
    ids = [tokenizer.encode(d).ids for d in found[: 2 * EXAMPLES]]
    long = [i for i in ids if len(i) > 2 * EXAMPLE_TOKENS]
    for turn in range(EXAMPLES):
        own = long[turn % len(long)]
        start = chance.randrange(len(own) - EXAMPLE_TOKENS)
        yield tokenizer.decode(own[start : start + EXAMPLE_TOKENS])


def main() -> None:
    parser = argparse.ArgumentParser(description="The corpora of the GO study.")
    parser.add_argument("--work", type=Path, default=Path("runs/go_study"))
    here = corpora(parser.parse_args().work)
    for domain, ids in here.train.items():
        print(f"{domain}: {len(ids):,} tokens to train on; {here.tasks[domain]}")


if __name__ == "__main__":
    main()
