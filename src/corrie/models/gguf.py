"""GGUF files: dequantised once, kept as a safetensors folder in the cache."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from corrie.analysis.partial import partial
from corrie.errors import ModelError
from corrie.models.gguf_agreement import FACTORS, check_settings, check_tensors
from corrie.models.gguf_header import MAGIC, GgufHeader, read_header
from corrie.models.rope_factors import rope_of_factors
from corrie.records.foreign import blamed
from corrie.sources.cache import cache_folder
from corrie.sources.packages import Say, silent

NOTE_FILE = "corrie.json"
"""In a converted folder: where it comes from, what a reader of a result must know, and what files were written."""

LAW = 2
"""The way of converting. Folders of an earlier one (which left out rotary factors) are made anew."""

_MOST_LAYERS = 10_000
_ADVICE = "download it again, or use the model's safetensors folder"


def convert_gguf(file: Path, say: Say = silent) -> Path:
    """A safetensors folder with the dequantised weights of a GGUF file (made at first use; named by content).

    A folder in the cache in which a file is gone, cut or changed since is made anew.

    Raises:
        ModelError: the file is no GGUF file, is damaged or one part of several; it holds an architecture transformers
            cannot read, tensors that are not all used or do not fill the model, or a header that says what the loaded
            model does not do.
    """
    _check_magic(file)
    if find_spec("gguf") is None:
        raise ModelError(f"GGUF file {file}", found="the package gguf is missing", advice="pip install 'corrie[gguf]'")
    folder = cache_folder() / "models" / f"{file.stem}-{_digest(file)[:16]}"
    if _whole(folder):
        return folder
    say(f"dequantising {file.name} (once; kept in {folder})")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial(folder, folder=True) as temporary:
            _dequantise(file, temporary)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)
    except OSError:
        if not _whole(folder):
            raise
    return folder


def _dequantise(file: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    asked = f"GGUF file {file}"
    header = read_header(file)
    _check_header(header, asked)
    automatic: Any = AutoModelForCausalLM
    with tempfile.TemporaryDirectory() as alone, blamed(asked, "it", _ADVICE):  # what lies beside the file is not read
        (Path(alone) / "model.gguf").symlink_to(file.resolve())
        model, report = automatic.from_pretrained(
            alone,
            gguf_file="model.gguf",
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(alone, gguf_file="model.gguf", local_files_only=True)
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(asked, found=f"{len(missing)} tensors are missing, first {missing[0]}", advice=_ADVICE)
    check_tensors(model, header, _unnamed(model, header), asked)
    notes = [
        f"weights are dequantised {_main_type(header)} values of a GGUF file",
        *_set_rope(model, file, header, asked),
    ]
    check_settings(model.config, header, asked)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    files = {p.name: _stamp(p) | {"sha256": _digest(p)} for p in sorted(folder.iterdir())}
    note = {"source": file.name, "notes": notes, "law": LAW, "files": files}
    (folder / NOTE_FILE).write_text(json.dumps(note), "utf-8")


def _check_header(header: GgufHeader, asked: str) -> None:
    """Refuse what is no whole model, and counts that no model has, before anything is built."""
    kind = header.says.get("general.type", "model")
    if kind != "model":
        raise ModelError(asked, found=f"it holds no model but {str(kind)[:40]!r}", advice="the model it belongs to")
    parts = header.says.get("split.count", 0)
    if isinstance(parts, int) and parts > 1:
        raise ModelError(
            asked, found=f"it is one part of {parts}", advice="one file, joined by llama.cpp's llama-gguf-split --merge"
        )
    said = header.says.get("split.tensors.count")
    if parts and said is not None and said != len(header.shapes):
        raise ModelError(asked, found=f"it holds {len(header.shapes)} tensors, and says {said}", advice=_ADVICE)
    says = header.of_model()
    limits = {"block_count": min(_MOST_LAYERS, len(header.shapes))}
    longest = max((max(s) for s in header.shapes.values()), default=0)
    for key in ("embedding_length", "attention.head_count", "attention.head_count_kv", "vocab_size", "expert_count"):
        limits[key] = longest
    for key, limit in limits.items():
        values = says.get(key, 0)
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, int) or value < 0 or value > limit:
                raise ModelError(
                    asked,
                    found=f"its header says {header.architecture}.{key} = {str(value)[:40]}; its tensors are smaller",
                    advice=_ADVICE,
                )


def _set_rope(model: nn.Module, file: Path, header: GgufHeader, asked: str) -> list[str]:
    """What of the rotary rule transformers leaves out, put into the configuration; in words, for the notes."""
    config: Any = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    says = header.of_model()
    scaling = says.get("rope.scaling.type", "none")
    plain = rope.get("rope_type", "default") == "default" and "rope_theta" in rope
    if FACTORS in header.shapes:
        factors = _factors(file)
        if not plain or scaling != "none" or not all(math.isfinite(f) and f > 0 for f in factors):
            raise ModelError(
                asked,
                found=f"{FACTORS} cannot be kept in this architecture's settings",
                advice="its safetensors folder",
            )
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        if 2 * len(factors) != int(head * rope.get("partial_rotary_factor", 1.0)):
            raise ModelError(asked, found=f"{FACTORS} has {len(factors)} factors for heads of {head}", advice=_ADVICE)
        rule = rope_of_factors(rope["rope_theta"], factors, config.max_position_embeddings)
        config.rope_parameters = rope | rule
        return [f"{FACTORS} is kept as rope parameters of type {rule['rope_type']}"]
    if plain and scaling in ("linear", "yarn") and "rope.scaling.factor" in says:
        kept = {"rope_type": scaling, "factor": float(says["rope.scaling.factor"])}
        if scaling == "yarn":
            kept["original_max_position_embeddings"] = says.get("rope.scaling.original_context_length")
            if kept["original_max_position_embeddings"] is None:
                raise ModelError(asked, found="its yarn rope has no original context length", advice=_ADVICE)
        config.rope_parameters = rope | kept
        return [f"rope scaling of the file's header is kept as type {scaling}"]
    return []


def _factors(file: Path) -> list[float]:
    from gguf import GGUFReader

    found = next(t for t in GGUFReader(file).tensors if t.name == FACTORS)
    return [float(f) for f in found.data.astype("float64").reshape(-1)]


def _unnamed(model: nn.Module, header: GgufHeader) -> list[str]:
    """Tensors of the file for which transformers knows no place in this model (for a message; a guess at worst)."""
    from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor, get_gguf_hf_weights_map

    config: Any = model.config
    try:
        processor = TENSOR_PROCESSORS.get(header.architecture, TensorProcessor)(config=config.to_dict())
        known = get_gguf_hf_weights_map(model, processor)
    except Exception:  # a message is not worth an error
        return []
    return sorted(n for n in header.shapes if n not in known and n != FACTORS)


def _whole(folder: Path) -> bool:
    """Whether a converted folder is as it was written: sizes and times of its files, hashes where a time is another."""
    try:
        note = json.loads((folder / NOTE_FILE).read_text("utf-8"))
        if note["law"] != LAW or not isinstance(note["notes"], list):
            return False
        for name, kept in note["files"].items():
            now = _stamp(folder / name)
            if now["bytes"] != kept["bytes"]:
                return False
            if now["modified"] != kept["modified"] and _digest(folder / name) != kept["sha256"]:
                return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def _stamp(file: Path) -> dict[str, Any]:
    found = file.stat()
    return {"bytes": found.st_size, "modified": found.st_mtime_ns}


def _check_magic(file: Path) -> None:
    with file.open("rb") as stream:
        magic = stream.read(4)
    if magic != MAGIC:
        raise ModelError(
            f"GGUF file {file}", found=f"it begins with {magic!r}, not {MAGIC!r}", advice="download the file again"
        )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _main_type(header: GgufHeader) -> str:
    """The storage type that most numbers have, such as ``Q4_1``."""
    from gguf import GGMLQuantizationType

    counts: Counter[str] = Counter()
    for name, kind in header.types.items():
        counts[GGMLQuantizationType(kind).name] += header.numbers(name)
    return counts.most_common(1)[0][0]
