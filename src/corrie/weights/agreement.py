"""Whether a checkpoint holds the tensors of a model: the same names and shapes, nothing missing, nothing extra."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.weights.selection import named_parameters, tensor_name
from corrie.weights.stored import StoredTensors
from corrie.weights.tensor_files import TensorFiles

_BUFFERS = (".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias")
"""Endings of tensors that old checkpoints carry along and models compute by themselves."""

_SHOWN = 5


def stored_name(stored: Collection[str], name: str) -> str | None:
    """The name a file uses for a model's tensor: the same, or without the first part (old checkpoints leave it out).

    >>> stored_name({"h.0.mlp.c_fc.weight"}, "transformer.h.0.mlp.c_fc.weight")
    'h.0.mlp.c_fc.weight'
    """
    if name in stored:
        return name
    tail = name.partition(".")[2]
    return tail if tail in stored else None


def tied_names(module: nn.Module) -> dict[str, str]:
    """Other names of tied tensors → the name they move by (``lm_head.weight`` → ``model.embed_tokens.weight``)."""
    first = {id(p): n for n, p in named_parameters(module).items()}
    every = ((tensor_name(n), p) for n, p in module.named_parameters(remove_duplicate=False))
    return {n: first[id(p)] for n, p in every if id(p) in first and first[id(p)] != n}


def check_same_tensors(module: nn.Module, files: TensorFiles, tied_there: bool | None = None) -> StoredTensors:
    """A checkpoint's tensors under this model's names; one that is not of this model's tensors is refused.

    Args:
        module: the model.
        files: the checkpoint.
        tied_there: whether its configuration ties the head to the embedding: a head that is not in the files is then
            the embedding. None: as it is in the module.

    Raises:
        ModelError: tensors missing or extra, other shapes (said of the vocabulary where it is that), a head that
            is tied here and not there, or buffers (numbers of the function that are no weights, such as a router's
            biases) that differ. The message names them.
    """
    asked = f"weights {files.where}"
    found = StoredTensors.of(module, files)
    ours = {n: tuple(p.shape) for n, p in named_parameters(module).items()}
    tied = tied_names(module)
    if tied_there:
        for name, same_as in _could_be_tied(module).items():
            if name in ours and name not in found.recipes and same_as in found.recipes:
                found = found.also(name, same_as)
    buffers = _buffers(module)
    computed = getattr(module, "_keys_to_ignore_on_load_missing", None) or ()
    wanted = [*ours, *(n for n in buffers if not n.endswith(_BUFFERS) and not any(re.search(p, n) for p in computed))]
    missing = sorted(n for n in wanted if n not in found.recipes)
    missing_but_tied = [n for n in missing if any(m in found.recipes for m, first in tied.items() if first == n)]
    for name in missing_but_tied:
        found = found.also(name, next(m for m, first in tied.items() if first == name and m in found.recipes))
    missing = [n for n in missing if n not in missing_but_tied]
    if tied_there is False and not missing:
        missing = sorted(n for n in tied if n not in found.recipes)
    extra = [n for n in found.unknown if not n.endswith(_BUFFERS)]
    if missing or extra:
        raise ModelError(
            asked,
            found="; ".join(
                f"{len(names)} tensors {what}: {shown(names)}"
                for names, what in ((missing, "of the model are missing"), (extra, "that the model does not have"))
                if names
            ),
            advice="a checkpoint of the same architecture",
        )
    other = {n: found.recipes[n].shape for n in ours if found.recipes[n].shape != ours[n]}
    if other:
        raise ModelError(asked, found=shape_differences(module, ours, other), advice="a model of the same sizes")
    for double, name in tied.items():
        if double in found.recipes and not _same(found, double, name):
            raise ModelError(
                asked,
                found=f"{double} and {name} differ there, and are one tied tensor in the model",
                advice="an untied copy of the model",
            )
    moved = [n for n, b in buffers.items() if n in found.recipes and not torch.equal(found.read(n).to(b), b)]
    if moved:
        raise ModelError(
            asked,
            found=f"{len(moved)} buffers differ there, which are part of the function and no weights that move: "
            f"{shown(moved)}",
            advice="a base with the buffers of the fine-tune, or a fine-tune that kept its base's",
        )
    return found


def _same(found: StoredTensors, one: str, other: str) -> bool:
    """Whether two names hold the same numbers there (trivially, where they are one tensor on disk)."""
    if found.recipes[one].stored == found.recipes[other].stored:
        return True
    return torch.equal(found.read(one), found.read(other))


def _buffers(module: nn.Module) -> dict[str, Tensor]:
    """Buffers that are saved with the weights and hold floating-point numbers."""
    kept = set(module.state_dict())
    return {tensor_name(n): b for n, b in module.named_buffers() if n in kept and b.is_floating_point()}


def _could_be_tied(module: nn.Module) -> dict[str, str]:
    """Names that this architecture ties when it is told to (``lm_head.weight`` → ``model.embed_tokens.weight``)."""
    known: object = getattr(module, "_tied_weights_keys", None)
    return {tensor_name(n): tensor_name(m) for n, m in known.items()} if isinstance(known, Mapping) else {}


def shape_differences(
    module: nn.Module, ours: Mapping[str, tuple[int, ...]], other: Mapping[str, tuple[int, ...]]
) -> str:
    """What differs in shape, in words; different vocabularies are called that."""
    embeddings: object = module.get_input_embeddings() if hasattr(module, "get_input_embeddings") else None  # type: ignore[operator]
    rows = getattr(embeddings, "num_embeddings", None)
    words = [f"{n} is {ours[n]} in the model and {shape} there" for n, shape in other.items()]
    first = next(iter(other))
    vocabulary = rows is not None and ours[first][:1] == (rows,) and other[first][:1] != (rows,)
    what = f"another vocabulary, {other[first][0]} tokens against {rows}" if vocabulary else "other shapes"
    return f"{what}: {shown(words)}"


def shown(names: Iterable[str], between: str = ", ") -> str:
    """The first few of a list, and how many more."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return between.join(listed[:_SHOWN]) + (f"{between}… and {more} more" if more > 0 else "")
