"""GGUF files: dequantised once, kept as a safetensors folder in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from corrie.errors import CorrieError, ModelError
from corrie.sources.cache import cache_folder
from corrie.sources.packages import Say, silent

NOTE_FILE = "corrie.json"
"""In a converted folder: where it comes from, and what a reader of a result must know."""


def convert_gguf(file: Path, say: Say = silent) -> Path:
    """A safetensors folder with the dequantised weights of a GGUF file (made at first use; named by content).

    Raises:
        ModelError: the file is no GGUF file, is damaged, or holds an architecture transformers cannot read.
    """
    _check_magic(file)
    if find_spec("gguf") is None:
        raise ModelError(f"GGUF file {file}", found="the package gguf is missing", advice="pip install 'corrie[gguf]'")
    folder = cache_folder() / "models" / f"{file.stem}-{_digest(file)[:16]}"
    if (folder / NOTE_FILE).is_file():
        return folder
    say(f"dequantising {file.name} (once; kept in {folder})")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{file.stem}-", dir=folder.parent))
    try:
        _dequantise(file, temporary)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except OSError:
        if not (folder / NOTE_FILE).is_file():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _dequantise(file: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        note = f"weights are dequantised {_main_type(file)} values of a GGUF file"
        automatic: Any = AutoModelForCausalLM
        model = automatic.from_pretrained(
            file.parent,
            gguf_file=file.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, local_files_only=True)
    except CorrieError:
        raise
    except Exception as problem:  # the reader's own errors are of every kind
        raise ModelError(
            f"GGUF file {file}",
            found=f"it cannot be read ({type(problem).__name__}: {problem})",
            advice="download it again, or use the model's safetensors folder",
        ) from problem
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / NOTE_FILE).write_text(json.dumps({"source": file.name, "notes": [note]}), "utf-8")


def _check_magic(file: Path) -> None:
    with file.open("rb") as stream:
        magic = stream.read(4)
    if magic != b"GGUF":
        raise ModelError(
            f"GGUF file {file}", found=f"it begins with {magic!r}, not b'GGUF'", advice="download the file again"
        )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _main_type(file: Path) -> str:
    """The storage type that most numbers have, such as ``Q4_1``."""
    from gguf import GGUFReader

    counts: Counter[str] = Counter()
    for tensor in GGUFReader(file).tensors:
        counts[tensor.tensor_type.name] += int(tensor.n_elements)
    return counts.most_common(1)[0][0]
