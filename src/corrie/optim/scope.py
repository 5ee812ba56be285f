"""Whether radii speak about what is trained: the same model, the same tensors, the same subspace."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import Tensor

from corrie.errors import InputError
from corrie.optim.adapter import LivePair
from corrie.optim.radii import Radii
from corrie.records.subspace import RowSpace


def check_model(radii: Radii, weights: int) -> None:
    """Refuse radii of a model with another number of weights.

    Raises:
        InputError: it has.
    """
    if radii.model is not None and radii.model.parameters != weights:
        raise InputError(
            f"the radii of {radii.model.name}, {radii.model.parameters:,} weights",
            found=f"this model has {weights:,}",
            advice="the landscape or certificate of this model's base; if it only has new tokens, dimension=… and the "
            "radii by name",
        )


def check_scope(radii: Radii, names: Sequence[str]) -> None:
    """See whether radii that were measured on some tensors are asked about moves of others.

    Args:
        names: of the weights that are trained, as in the checkpoint.

    Raises:
        InputError: a certificate is; of a landscape it is a warning.
    """
    if radii.model is None:
        return
    chosen = radii.model.selection
    outside = [
        name
        for name in names
        if not any(fnmatchcase(name, p) for p in chosen.include) or any(fnmatchcase(name, p) for p in chosen.exclude)
    ]
    if not outside:
        return
    found = f"{len(outside)} of {len(names)} trained tensors did not move there ({outside[0]}, …)"
    if radii.measure is not None:
        raise InputError("the certified radius left", found=found, advice="a certificate of all weights")
    warnings.warn(f"basin watch: in the landscape of the radii, {found}; it says nothing about them", stacklevel=3)


def check_rows(space: RowSpace, adapters: Sequence[LivePair], watched: Sequence[Tensor]) -> None:
    """Refuse a certificate of an adapter's B where other things are trained.

    Raises:
        InputError: not exactly so many B of this rank are watched.
    """
    ups = {adapter.b for adapter in adapters}
    ranks = {adapter.a.shape[0] for adapter in adapters}
    if ups != set(watched) or len(ups) != space.layers or ranks != {space.rank}:
        raise InputError(
            f"the certified radius left in {space}",
            found=f"{len(watched)} tensors are trained, of which {len(ups)} are a B, of rank {sorted(ranks)}",
            advice="the certificate of this adapter, its B alone trained (corrie.optim.freeze_down)",
        )
