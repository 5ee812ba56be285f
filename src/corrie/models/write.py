"""A model moved along a path as a folder that any program loads: weights, configuration, tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from corrie.errors import InputError, ModelError, StorageError
from corrie.models.model import Model
from corrie.records.direction import Direction
from corrie.records.paths import Adapter, Difference
from corrie.weights.adapter import AdapterFiles
from corrie.weights.adapter_config import CONFIG
from corrie.weights.written import write_adapter, write_checkpoint

BESIDE = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.jinja",
    "*.model",
    "generation_config.json",
)
"""What of a checkpoint's folder goes along with its weights."""


def write_at(model: Model, direction: Direction, alpha: float, out: Path) -> Path:
    """Write θ0 + α·δ: an adapter where δ is one, a checkpoint otherwise.

    Configuration, tokenizer and chat template are the fine-tune's where it is a checkpoint that is followed whole, the
    base's otherwise; the
    weights are at the precision the model is loaded in, and the configuration says so.

    Args:
        model: the base.
        direction: a path that starts at it.
        alpha: how far along it.
        out: a new or empty folder.

    Returns:
        ``out``.

    Raises:
        InputError: the folder holds something.
        ModelError: an adapter that needs tensors of the base which are not selected.
        StorageError: the disk refuses.
    """
    refuse_full(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if isinstance(direction, Adapter):
            folder = model.sources.path(direction.content, str(direction))
            found = AdapterFiles.open(folder).on(model.sources.layout)
            tied = model.sources.layout.tied
            stay = sorted(n for n in (*found.matrices, *found.whole) if tied.get(n, n) not in model.selection.tensors)
            if stay:
                raise ModelError(
                    f"writing {direction} at α = {alpha:g}",
                    found=f"it changes {stay[0]}, which --include and --exclude keep where it is",
                    advice="without them",
                )
            write_adapter(out, found, {n: p.data for n, p in model.selection.tensors.items()}, alpha, tied)
            shutil.copyfile(folder / CONFIG, out / CONFIG)
            _copy(folder, out, BESIDE)
            return out
        source = model.sources.path(direction.tuned, str(direction)) if isinstance(direction, Difference) else None
        whole = source if isinstance(direction, Difference) and direction.law == "minus-1" else None
        _configuration(model, whole, out)
        write_checkpoint(out / "model.safetensors", model.module, model.selection, direction, alpha, model.sources)
    except OSError as problem:
        raise StorageError(f"writing {out}", found=str(problem), advice="another place with room") from None
    return out


def refuse_full(out: Path) -> None:
    """Refuse a folder that holds something, before anything is computed for it.

    Raises:
        InputError: it is a file, or not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"writing {out}", found="it is there already", advice="a new folder")


def _configuration(model: Model, source: Path | None, out: Path) -> None:
    """config.json with the precision of what is written, and everything that is no weight."""
    module: Any = model.module
    if source is not None and source.is_dir() and (source / "tokenizer.json").is_file():
        _copy(source, out, BESIDE)
    else:
        model.tokenizer.save_pretrained(out)
        settings = getattr(module, "generation_config", None)
        if settings is not None:
            settings.save_pretrained(out)
    config = module.config.to_dict()
    if source is not None:
        config = json.loads((source / "config.json").read_text("utf-8"))
        tied = getattr(module.config, "tie_word_embeddings", None)
        if config.get("tie_word_embeddings", tied) != tied:  # the weights that are written are the base's in number
            config["tie_word_embeddings"] = tied
    config.pop("torch_dtype", None)
    config["dtype"] = model.identity.dtype
    config["architectures"] = [model.identity.architecture]
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")


def _copy(source: Path, out: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for file in sorted(source.glob(pattern)):
            if file.is_file() and not (out / file.name).exists():
                shutil.copyfile(file, out / file.name)
