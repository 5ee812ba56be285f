"""Subspaces of a loaded model as they are asked for: made by a law, or from what lies in files."""

from __future__ import annotations

from pathlib import Path

from corrie.errors import InputError, ModelError
from corrie.models.directions import adapter, tuned_direction
from corrie.models.model import Model
from corrie.records.paths import Adapter, Difference, Quantised, Saved
from corrie.records.subspace import AskedSubspace, FullSpace, RandomSpace, Span
from corrie.sources.packages import Say, silent
from corrie.subspaces.row_space import FixedMatrices, LowRankSpace, random_rows
from corrie.subspaces.space import Space
from corrie.subspaces.written_space import full_space, random_space, span
from corrie.weights.adapter import AdapterFiles
from corrie.weights.saved import look_at_saved


def find_subspace(model: Model, asked: AskedSubspace, *, lattice: int | None = None, say: Say = silent) -> Space:
    """A subspace of a model's weight changes.

    Args:
        asked: as :func:`corrie.records.subspace.parse_subspace` reads it.
        lattice: e, for the full space, whose coordinates are the weights themselves.

    Raises:
        UnknownName, InputError: no such layer, a rank that does not fit, a dimension of 0.
        ModelError: an adapter, checkpoint or file that is not of this model.

    >>> from corrie.records.subspace import parse_subspace
    >>> from corrie.testing.toy_models import toy_model
    >>> print(find_subspace(toy_model(), parse_subspace("adapter:q_proj:1")))
    B of ΔW = B A, A frozen, rank 1, 2 layers (adapter:q_proj:1): 64 coordinates
    """
    if asked.kind == "full":
        return full_space(model.selection, FullSpace(scale=asked.scale), lattice if asked.scale == "one" else None)
    if asked.kind == "random":
        return random_space(model.selection, RandomSpace(count=asked.number, seed=asked.seed))
    if asked.kind == "span":
        return span(model.selection, Span(of=tuple(way_to(model, place, say) for place in asked.places)), model.sources)
    if not asked.places:
        free = "up" if asked.kind == "adapter" else "core"
        return random_rows(model.module, asked.layers, asked.number, asked.seed, free=free)
    place = Path(asked.places[0]).expanduser()
    return adapter_space(model, place) if asked.kind == "adapter" else core_space(model, place)


def adapter_space(model: Model, folder: Path, name: str = "") -> LowRankSpace:
    """The subspace of an adapter with its own A frozen.

    Args:
        name: what to call it; empty: the folder's own name.

    Raises:
        ModelError: no LoRA adapter, or one of another model.
    """
    adapter(model, folder)  # refuses one of another model, naming what does not fit
    files = AdapterFiles.open(folder)
    refuse_more_than_matrices(files, folder)
    fixed = {
        weight.removesuffix(".weight"): FixedMatrices(files.down(weight).float(), scale=files.scale(weight))
        for weight in files.matrices
    }
    return LowRankSpace.of(model.module, fixed, name=f"adapter:{name or folder.resolve().name}")


def core_space(model: Model, file: Path) -> LowRankSpace:
    """The subspace of few numbers whose fixed matrices were saved (``LAYER.down``, ``LAYER.up``).

    Raises:
        ModelError: no such file, not what was saved, or other matrices.
    """
    _, found = look_at_saved(file)
    layers = sorted(n.removesuffix(".down") for n in found.shapes if n.endswith(".down"))
    if sorted(found.shapes) != sorted([f"{n}.{end}" for n in layers for end in ("down", "up")]):
        raise ModelError(
            f"subspace core:{file}", found="not a pair of down and up for each layer", advice="a saved core"
        )
    fixed = {n: FixedMatrices(found.read(f"{n}.down").clone(), found.read(f"{n}.up").clone()) for n in layers}
    return LowRankSpace.of(model.module, fixed, name=f"core:{file.name}")


def way_to(model: Model, place: str, say: Say) -> Difference | Adapter | Saved:
    """The weight change that leads to a fine-tune.

    Raises:
        InputError: what lies there is the model itself, rounded.
        ModelError: a fine-tune of another model.
    """
    found = tuned_direction(model, place, say=say)
    if isinstance(found, Quantised):
        raise InputError(f"subspace span:{place}", found="rounding is no fine-tune", advice="checkpoints or adapters")
    return found


def refuse_more_than_matrices(files: AdapterFiles, folder: Path) -> None:
    """A subspace of frozen A holds what an adapter does with its matrices and nothing else.

    Raises:
        ModelError: the adapter changes whole tensors, or parameters that are no layer.
    """
    if files.settings.parameters:
        raise ModelError(
            f"adapter {folder}",
            found="it has target_parameters, and a frozen-A subspace is of whole layers",
            advice="an adapter of target_modules alone",
        )
    if files.whole:
        raise ModelError(
            f"adapter {folder}",
            found=f"it also changes whole tensors ({next(iter(files.whole))}), which no frozen-A subspace holds",
            advice="an adapter without modules_to_save and biases",
        )
