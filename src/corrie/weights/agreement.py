"""Whether a checkpoint holds the tensors of a model: the same names and shapes, nothing missing, nothing extra."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import torch
from torch import nn

from corrie.errors import ModelError
from corrie.weights.selection import named_parameters, tensor_name
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


def check_same_tensors(module: nn.Module, found: TensorFiles) -> None:
    """Refuse a checkpoint that is not of this model's tensors.

    Raises:
        ModelError: tensors missing or extra, other shapes (said of the vocabulary where it is that), or a head that
            is tied here and not there. The message names them.
    """
    asked = f"weights {found.where}"
    ours = {n: tuple(p.shape) for n, p in named_parameters(module).items()}
    theirs = {name: stored_name(found.files, name) for name in ours}
    missing = sorted(n for n, there in theirs.items() if there is None)
    tied = tied_names(module)
    used = {there for there in theirs.values() if there is not None}
    doubles = {there: ours_too for n, ours_too in tied.items() if (there := stored_name(found.files, n)) is not None}
    extra = sorted(n for n in found.files if n not in used and n not in doubles and not n.endswith(_BUFFERS))
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
    other = {n: found.shapes[there] for n, there in theirs.items() if there and found.shapes[there] != ours[n]}
    if other:
        raise ModelError(asked, found=shape_differences(module, ours, other), advice="a model of the same sizes")
    for double, name in doubles.items():
        there = theirs[name]
        if there is not None and double != there and not torch.equal(found.read(double), found.read(there)):
            raise ModelError(
                asked,
                found=f"{double} and {there} differ there, and are one tied tensor in the model",
                advice="an untied copy of the model",
            )


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


def shown(names: Iterable[str]) -> str:
    """The first few of a list, and how many more."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f", … and {more} more" if more > 0 else "")
