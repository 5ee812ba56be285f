"""A model moved along a path as a folder that any program loads: weights, configuration, tokenizer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from corrie.analysis.whole_folder import whole_folder
from corrie.errors import ModelError
from corrie.models.model import Model
from corrie.records.direction import Direction
from corrie.records.own_file import own_file
from corrie.records.paths import Adapter, Difference
from corrie.weights.adapter import AdapterFiles
from corrie.weights.asked_note import asked_of, note_of
from corrie.weights.written import write_checkpoint, write_present, write_scaled

BESIDE = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
)
"""What of a checkpoint's folder goes along with its weights, by name: never code, nor anything else that lies there."""

_SETTINGS = ("config.json", "tokenizer_config.json", "generation_config.json")
"""Files of settings, which may name code."""

CODE = ("auto_map", "custom_generate", "custom_pipelines")
"""Settings that name code of the checkpoint's own: none of it is written, so nothing names it."""


def write_at(model: Model, direction: Direction, alpha: float, out: Path, asked: str = "") -> Path:
    """Write θ0 + α·δ: an adapter where δ is one, a checkpoint otherwise.

    Configuration, tokenizer and chat template are the fine-tune's where it is a checkpoint that is followed whole, the
    base's otherwise; the
    weights are at the precision the model is loaded in, and the configuration says so.

    Args:
        model: the base.
        direction: a path that starts at it.
        alpha: how far along it.
        out: a new or empty folder. It is there whole or not at all.
        asked: a hash of the question that this answers, kept in the weights' header: what is there already as the
            answer to the same one is left as it is.

    Returns:
        ``out``.

    Raises:
        InputError: the folder holds something else.
        ModelError: an adapter that needs tensors of the base which are not selected; a file beside the fine-tune's
            weights that is a link out of its folder, or no plain file.
        StorageError: the disk refuses.
    """
    if asked and asked_of(out) == asked:
        return out
    return whole_folder(out, lambda made: _write(model, direction, alpha, made, note_of(asked)), empty=True)


def write_trained(model: Model, module: nn.Module, out: Path, asked: str = "") -> None:
    """Write a module with a model's shape and other weights into a folder: its configuration and tokenizer are the
    model's, the precision is the module's own.

    Args:
        model: what it was made of.
        module: the trained one.
        out: an existing folder; it is for the caller to put it in place whole.
        asked: a hash of the question that this answers, kept in the weights' header. Written last.

    Raises:
        StorageError: the disk refuses.
    """
    _configuration(model, None, out)
    for name in _SETTINGS:
        _without_code(out / name)
    write_present(out / "model.safetensors", module, note_of(asked))


def check_beside(model: Model, direction: Direction) -> None:
    """Refuse a fine-tune whose files cannot go along, before anything is computed for it.

    Raises:
        ModelError: a file beside its weights is a link out of its folder, or no plain file.
    """
    source = _source(model, direction)
    if source is not None:
        _own(source)


def _source(model: Model, direction: Direction) -> Path | None:
    """The fine-tune's folder, where what lies beside its weights goes along."""
    if isinstance(direction, Adapter):
        return model.sources.path(direction.content, str(direction))
    if isinstance(direction, Difference) and direction.law == "minus-1":
        return model.sources.path(direction.tuned, str(direction))
    return None


def _write(model: Model, direction: Direction, alpha: float, out: Path, note: Mapping[str, str]) -> None:
    source = _source(model, direction)
    if isinstance(direction, Adapter) and source is not None:
        found = AdapterFiles.open(source).on(model.sources.layout)
        tied = model.sources.layout.tied
        stay = sorted(n for n in (*found.matrices, *found.whole) if tied.get(n, n) not in model.selection.tensors)
        if stay:
            raise ModelError(
                f"writing {direction} at α = {alpha:g}",
                found=f"it changes {stay[0]}, which --include and --exclude keep where it is",
                advice="without them",
            )
        write_scaled(out, found, {n: p.data for n, p in model.selection.tensors.items()}, alpha, tied, note)
        _copy(source, out)
    else:
        _configuration(model, source, out)
        write_checkpoint(
            out / "model.safetensors", model.module, model.selection, direction, alpha, model.sources, note
        )
    for name in _SETTINGS:
        _without_code(out / name)


def _configuration(model: Model, source: Path | None, out: Path) -> None:
    """config.json with the precision of what is written, and everything that is no weight."""
    module: Any = model.module
    if source is not None and source.is_dir() and (source / "tokenizer.json").is_file():
        _copy(source, out)
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


def _own(source: Path) -> list[Path]:
    """The files that go along: plain ones, or links as the hub's cache makes them."""
    there = [name for name in BESIDE if os.path.lexists(source / name)]
    return [own_file(source, name, f"fine-tune {source}") for name in there]


def _copy(source: Path, out: Path) -> None:
    for file in _own(source):
        if not (out / file.name).exists():
            shutil.copyfile(file, out / file.name)


def _without_code(file: Path) -> None:
    """Take the names of code out of a file of settings, if they are in it."""
    if not file.exists():
        return
    told = json.loads(file.read_text("utf-8"))
    if isinstance(told, dict) and any(name in told for name in CODE):
        kept = {name: value for name, value in told.items() if name not in CODE}
        file.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
