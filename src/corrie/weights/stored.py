"""A checkpoint's tensors under the names that a model's tensors have in memory.

The two differ: experts are one tensor in memory and single on disk, old checkpoints have other prefixes, projections
are fused here and apart there. What becomes of what is the library's own knowledge
(``transformers.conversion_mapping``), which is asked here as loading asks it, but one tensor of the memory at a time:
only headers are in memory until :meth:`StoredTensors.read`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.weights.selection import tensor_name
from corrie.weights.tensor_files import TensorFiles

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Recipe:
    """How one tensor of the memory is made of tensors on disk.

    stored      the names on disk, in the order they are joined
    shape       what comes out
    make        (how to read one name) → the tensor
    """

    stored: tuple[str, ...]
    shape: Shape
    make: Callable[[Callable[[str], Tensor]], Tensor]


@dataclass(frozen=True)
class StoredTensors:
    """Recipes for what a checkpoint holds of a model.

    files      the checkpoint
    recipes    name in memory (of a parameter, a tied one's other names, or a buffer) → how to make it
    unknown    names on disk that the model has nothing for, those left out that the library knows to be of no use
    rest       sentences on what is there and is not compared
    """

    files: TensorFiles
    recipes: Mapping[str, Recipe]
    unknown: tuple[str, ...]
    rest: tuple[str, ...] = ()

    @classmethod
    def of(cls, module: nn.Module, files: TensorFiles) -> StoredTensors:
        """Find every tensor of a module in a checkpoint, by headers alone.

        Raises:
            ModelError: tensors on disk that cannot be joined into the model's.

        >>> import tempfile
        >>> from pathlib import Path
        >>> from safetensors.torch import save_file
        >>> file = Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> save_file({"weight": torch.ones(2, 3), "more": torch.ones(1)}, file)
        >>> found = StoredTensors.of(nn.Linear(3, 2, bias=False), TensorFiles.open(file))
        >>> found.recipes["weight"].shape, found.unknown
        ((2, 3), ('more',))
        """
        memory = {tensor_name(n) for n in module.state_dict()}
        recipes: dict[str, Recipe] = {}
        unknown: list[str] = []
        joined: dict[str, tuple[Any, list[tuple[str, str]]]] = {}
        for stored, name, pattern, converter in _renamed(module, files, memory):
            if name not in memory:
                unknown.append(stored)
            elif converter is None:
                recipes[name] = Recipe((stored,), files.shapes[stored], _plain(stored))
            else:
                joined.setdefault(name, (converter, []))[1].append((pattern, stored))
        for first, (converter, sources) in joined.items():
            recipes |= _joined(module, files, first, converter, sources)
        useless = getattr(module, "_keys_to_ignore_on_load_unexpected", None) or ()
        strange = tuple(sorted(n for n in unknown if not any(re.search(p, n) for p in useless)))
        return cls(files=files, recipes=recipes, unknown=strange)

    def read(self, name: str) -> Tensor:
        """A tensor of the memory. It may be a view of a file's pages: copy it before changing it.

        Raises:
            ModelError: it is not in the checkpoint.
        """
        if name not in self.recipes:
            raise ModelError(f"weights {self.files.where}", found=f"{name} is missing from them")
        return self.recipes[name].make(self.files.read)

    def also(self, name: str, same_as: str) -> StoredTensors:
        """With another name for one of its tensors (a head that is the embedding there)."""
        return replace(self, recipes={**self.recipes, name: self.recipes[same_as]})

    def first_rows(self, name: str, rows: int) -> StoredTensors:
        """With no more than the first rows of one of its tensors."""
        whole = self.recipes[name]
        some = Recipe(whole.stored, (rows, *whole.shape[1:]), lambda read: whole.make(read)[:rows])
        return replace(self, recipes={**self.recipes, name: some})

    def without(self, what: str) -> StoredTensors:
        """With a sentence on what is not compared."""
        return replace(self, rest=(*self.rest, what))


def _plain(stored: str) -> Callable[[Callable[[str], Tensor]], Tensor]:
    return lambda read: read(stored)


def _renamed(module: nn.Module, files: TensorFiles, memory: set[str]) -> list[tuple[str, str, str, Any]]:
    """(name on disk, name in memory, the converter's pattern, the converter or None) for every tensor on disk."""
    from transformers import PreTrainedModel
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key

    names = sorted(files.files, key=dot_natural_key)
    if not isinstance(module, PreTrainedModel):
        return [(n, n, "", None) for n in names]
    known = get_model_conversion_mapping(module)
    renamings = [t for t in known if isinstance(t, WeightRenaming)]
    converters = [t for t in known if isinstance(t, WeightConverter)]
    by_pattern = {p: c for c in converters for p in c.source_patterns}
    prefix, outline = module.base_model_prefix, dict.fromkeys(memory, True)
    found = []
    for stored in names:
        name, pattern = rename_source_key(stored, renamings, converters, prefix, outline)
        if name not in memory and stored in memory:
            name, pattern = stored, None
        found.append((stored, name, pattern or "", by_pattern[pattern] if pattern is not None else None))
    return found


def _joined(
    module: nn.Module, files: TensorFiles, first: str, converter: Any, sources: list[tuple[str, str]]
) -> dict[str, Recipe]:
    """The recipes of what a converter makes, tried on tensors without numbers to learn names and shapes."""

    def convert(read: Callable[[str], Tensor]) -> dict[str, Tensor]:
        own = deepcopy(converter)
        for pattern, stored in sources:
            own.add_tensor(first, stored, pattern, lambda stored=stored: read(stored))
        made = own.convert(first, model=module, config=module.config)
        return {tensor_name(n): t[0] if isinstance(t, list) else t for n, t in made.items()}

    def maker(name: str) -> Callable[[Callable[[str], Tensor]], Tensor]:
        return lambda read: convert(read)[name]

    try:
        outline = convert(lambda n: torch.empty(files.shapes[n], device="meta"))
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as problem:
        raise ModelError(
            f"weights {files.where}",
            found=f"{sources[0][1]} and {len(sources) - 1} more do not join into {first} ({problem})",
            advice="a complete checkpoint of the same architecture",
        ) from None
    names = tuple(stored for _, stored in sources)
    return {n: Recipe(names, tuple(t.shape), maker(n)) for n, t in outline.items()}
