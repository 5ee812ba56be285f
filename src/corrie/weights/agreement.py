"""Whether a checkpoint holds the tensors of a model: the same names and shapes, nothing missing, nothing extra."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.weights.redundant import redundant
from corrie.weights.selection import named_parameters, tensor_name, tied_names
from corrie.weights.stored import StoredTensors
from corrie.weights.tensor_files import TensorFiles

_SHOWN = 5
_ANOTHER_VOCABULARY = "another vocabulary"
_COMMON = "common:PLACE, which compares what both have"


def stored_name(stored: Collection[str], name: str) -> str | None:
    """The name a file uses for a model's tensor: the same, or without the first part (old checkpoints leave it out).

    >>> stored_name({"h.0.mlp.c_fc.weight"}, "transformer.h.0.mlp.c_fc.weight")
    'h.0.mlp.c_fc.weight'
    """
    if name in stored:
        return name
    tail = name.partition(".")[2]
    return tail if tail in stored else None


def check_same_tensors(
    module: nn.Module, files: TensorFiles, tied_there: bool | None = None, *, common: bool = False
) -> StoredTensors:
    """A checkpoint's tensors under this model's names; one that is not of this model's tensors is refused.

    Args:
        module: the model.
        files: the checkpoint.
        tied_there: whether its configuration ties the head to the embedding: a head that is not in the files is then
            the embedding. None: as it is in the module.
        common: take what both have of a vocabulary of another size, and the embedding where the head is tied to it
            here and not there; ``rest`` of what is returned says what that leaves out.

    Raises:
        ModelError: tensors missing or extra, other shapes (said of the vocabulary where it is that), a head that
            is tied here and not there, or buffers (numbers of the function that are no weights, such as a router's
            biases) that differ. The message names them.
    """
    tied = tied_names(module)
    found = _with_heads(module, StoredTensors.of(module, files), tied, tied_there)
    _check_names(module, found, tied if tied_there is False else {})
    found = _with_our_rows(module, found, common)
    for double, name in tied.items():
        if double in found.recipes and not _same(found, double, name):
            apart = f"{double} and {name} differ there, and are one tied tensor in the model"
            if not common:
                raise ModelError(f"weights {files.where}", found=apart, advice=_COMMON)
            rows = min(found.recipes[double].shape[0], found.recipes[name].shape[0])
            far = float((found.read(double)[:rows].float() - found.read(name)[:rows].float()).norm())
            found = found.without(f"{apart}: {name} is compared, {double} is left out (L2 {far:.4g} from it)")
    _check_buffers(module, found)
    return found


def _with_heads(
    module: nn.Module, found: StoredTensors, tied: Mapping[str, str], tied_there: bool | None
) -> StoredTensors:
    """With what is stored once and is two tensors here, or under the other of two tied names."""
    if tied_there:
        known: object = getattr(module, "_tied_weights_keys", None)
        for name, same_as in known.items() if isinstance(known, Mapping) else ():
            if tensor_name(name) not in found.recipes and tensor_name(same_as) in found.recipes:
                found = found.also(tensor_name(name), tensor_name(same_as))
    for double, name in tied.items():
        if name not in found.recipes and double in found.recipes:
            found = found.also(name, double)
    return found


def _check_names(module: nn.Module, found: StoredTensors, heads: Collection[str]) -> None:
    computed = getattr(module, "_keys_to_ignore_on_load_missing", None) or ()
    buffers = [n for n in saved_buffers(module) if not redundant(n) and not any(re.search(p, n) for p in computed)]
    missing = sorted(n for n in (*named_parameters(module), *buffers, *heads) if n not in found.recipes)
    extra = [n for n in found.unknown if not redundant(n, getattr(module, "config", None))]
    if missing or extra:
        raise ModelError(
            f"weights {found.files.where}",
            found="; ".join(
                f"{len(names)} tensors {what}: {shown(names)}"
                for names, what in ((missing, "of the model are missing"), (extra, "that the model does not have"))
                if names
            ),
            advice="a checkpoint of the same architecture",
        )


def _with_our_rows(module: nn.Module, found: StoredTensors, common: bool) -> StoredTensors:
    """With no more rows of a vocabulary than the model has, where that is asked; other shapes are refused."""
    ours = {n: tuple(p.shape) for n, p in named_parameters(module).items()}
    other = {n: found.recipes[n].shape for n in ours if found.recipes[n].shape != ours[n]}
    vocabulary = _rows_of_tokens(module) if common else frozenset()
    for name, shape in list(other.items()):
        rows = ours[name][0]
        if name in vocabulary and shape[1:] == ours[name][1:]:
            del other[name]
            if shape[0] > rows:
                far = float(found.read(name)[rows:].float().norm())
                found = found.first_rows(name, rows).without(
                    f"{shape[0] - rows} rows of {name} are there alone and left out (L2 norm {far:.4g})"
                )
            else:
                found = found.without(f"{rows - shape[0]} rows of {name} are here alone and stay where they are")
    if other:
        advice = "a model of the same sizes"
        words = shape_differences(module, ours, other)
        if words.startswith(_ANOTHER_VOCABULARY):
            advice = _COMMON
        raise ModelError(f"weights {found.files.where}", found=words, advice=advice)
    return found


def _rows_of_tokens(module: nn.Module) -> frozenset[str]:
    """The names of tensors that have a row for each token: embedding and head."""
    layers = [getattr(module, f"get_{end}_embeddings", lambda: None)() for end in ("input", "output")]
    ends = {id(p) for layer in layers if layer is not None for p in layer.parameters(recurse=False)}
    return frozenset(n for n, p in named_parameters(module).items() if id(p) in ends)


def _check_buffers(module: nn.Module, found: StoredTensors) -> None:
    other = [
        n for n, b in saved_buffers(module).items() if n in found.recipes and not torch.equal(found.read(n).to(b), b)
    ]
    if other:
        raise ModelError(
            f"weights {found.files.where}",
            found=f"{len(other)} buffers differ there, which are part of the function and no weights that move: "
            f"{shown(other)}",
            advice="a base with the buffers of the fine-tune, or a fine-tune that kept its base's",
        )


def _same(found: StoredTensors, one: str, other: str) -> bool:
    """Whether two names hold the same numbers there (trivially, where they are one tensor on disk)."""
    if found.recipes[one].stored == found.recipes[other].stored:
        return True
    return torch.equal(found.read(one), found.read(other))


def saved_buffers(module: nn.Module) -> dict[str, Tensor]:
    """Buffers that are saved with the weights and hold floating-point numbers."""
    kept = set(module.state_dict())
    return {tensor_name(n): b for n, b in module.named_buffers() if n in kept and b.is_floating_point()}


def shape_differences(
    module: nn.Module, ours: Mapping[str, tuple[int, ...]], other: Mapping[str, tuple[int, ...]]
) -> str:
    """What differs in shape, in words; different vocabularies are called that."""
    embeddings: object = module.get_input_embeddings() if hasattr(module, "get_input_embeddings") else None  # type: ignore[operator]
    rows = getattr(embeddings, "num_embeddings", None)
    words = [f"{n} is {ours[n]} in the model and {shape} there" for n, shape in other.items()]
    first = next(iter(other))
    vocabulary = rows is not None and ours[first][:1] == (rows,) and other[first][:1] != (rows,)
    what = f"{_ANOTHER_VOCABULARY}, {other[first][0]} tokens against {rows}" if vocabulary else "other shapes"
    return f"{what}: {shown(words)}"


def shown(names: Iterable[str], between: str = ", ") -> str:
    """The first few of a list, and how many more."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return between.join(listed[:_SHOWN]) + (f"{between}… and {more} more" if more > 0 else "")
