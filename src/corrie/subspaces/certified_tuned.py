"""Where a fine-tune stands in a certificate's subspace, or why the certificate says nothing about it.

The subspace is made again, by its law or from where its fixed matrices lie, and compared by content
(:mod:`corrie.subspaces.certified`); then the fine-tune's coordinates are read off and measured there
(:func:`corrie.subspaces.stand.stand_along`). Whatever goes wrong on the way, the answer is that it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.analysis.certificate import FineTuned
from corrie.analysis.certified_move import Elsewhere
from corrie.analysis.verification import Verification
from corrie.errors import InputError, ModelError
from corrie.models.model import Model
from corrie.records.direction import Direction
from corrie.records.paths import Adapter, Difference, Saved
from corrie.records.subspace import RowSpace, Span, Subspace
from corrie.sources.packages import Say, silent
from corrie.subspaces.certified import certified_space
from corrie.subspaces.stand import stand_along


def tuned_in(
    model: Model,
    direction: Direction,
    name: str,
    verified: Verification,
    places: Sequence[str] = (),
    *,
    say: Say = silent,
) -> FineTuned | Elsewhere:
    """How far the end of a path is from the model in a certificate's subspace.

    Args:
        model: the certificate's (:func:`corrie.subspaces.certified.refuse_other_model`).
        direction: the path; its content in ``model.sources``.
        name: what lies at its end.
        verified: the certificate and its file.
        places: where its subspace may lie if no law makes it, as ``--subspace`` takes it. An adapter's own A, a span's
            only fine-tune, and the .safetensors files beside the certificate are tried by themselves.
    """
    spec = verified.certificate.evidence.spec
    if isinstance(spec.subspace, RowSpace) and not isinstance(direction, Adapter):
        return Elsewhere(lies="outside", reason=f"{name} is no adapter with the certificate's frozen matrices")
    own = _own_places(model, direction, spec.subspace, verified.file)
    try:
        space = certified_space(verified.certificate, model, [*places, *own], say=say)
    except (InputError, ModelError) as problem:
        if isinstance(spec.subspace, RowSpace) and spec.subspace.free == "up":  # its own was among those tried
            return Elsewhere(lies="outside", reason=f"the A of {name} is not the frozen one: {problem.found}")
        return Elsewhere(lies="unknown", reason=f"{problem.found}; {problem.advice}")
    try:
        found = stand_along(model, space, direction, name, lattice=spec.lattice)
    except (InputError, ModelError) as problem:
        return Elsewhere(lies="outside", reason=problem.found or str(problem))
    return FineTuned(distance=found.distance, name=name, content=found.record.content)


def _own_places(model: Model, direction: Direction, subspace: Subspace, file: Path) -> list[str]:
    """Where a subspace may lie that no law makes; each is compared by its content before it is taken."""
    if isinstance(subspace, RowSpace) and subspace.free == "core":
        return [f"core:{beside}" for beside in sorted(file.parent.glob("*.safetensors"))]
    if isinstance(subspace, RowSpace) and isinstance(direction, Adapter):
        return [f"adapter:{model.sources.path(direction.content, str(direction))}"]
    if isinstance(subspace, Span) and [d.id for d in subspace.of] == [direction.id]:
        if isinstance(direction, Saved):
            return [f"span:saved:{model.sources.path(direction.content, str(direction))}"]
        if isinstance(direction, Adapter | Difference):
            content = direction.content if isinstance(direction, Adapter) else direction.tuned
            return [f"span:{model.sources.path(content, str(direction))}"]
    return []
