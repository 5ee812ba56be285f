"""Where training began, to be compared with or pulled back to."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from corrie.errors import InputError


def center_of(
    given: Sequence[Tensor], tensors: Sequence[Tensor], center: Sequence[Tensor] | None, asked: str
) -> tuple[Tensor, ...]:
    """θ0 of each tensor: a copy of it as it is now, or what is given for it, kept and not copied.

    Args:
        given: the tensors as they were given, perhaps one of them twice.
        tensors: each once.
        center: one for each of ``given``; None: as they are.
        asked: what has the center, for the error.

    Raises:
        InputError: another number of tensors.
    """
    if center is None:
        return tuple(t.detach().clone() for t in tensors)
    if len(center) != len(given):
        raise InputError(
            f"a center of {len(center)} tensors",
            found=f"the {asked} is over {len(given)}",
            advice="one for each, in order",
        )
    return tuple(dict(zip(given, center, strict=True)).values())
