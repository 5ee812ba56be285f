"""Where a fine-tune stands in a subspace, and how far that is from the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from corrie.analysis.certificate import FineTuned
from corrie.errors import InputError, ModelError
from corrie.models.model import Model
from corrie.records.direction import Direction
from corrie.records.paths import Adapter
from corrie.records.rules import check_distance
from corrie.records.subspace import Coordinates
from corrie.sources.packages import Say, silent
from corrie.subspaces.find import refuse_more_than_matrices, way_to
from corrie.subspaces.row_space import LowRankSpace, coordinate_name
from corrie.subspaces.space import Coords, Space, check_coordinates, length_up, rounded
from corrie.subspaces.written_space import root_mean_squares
from corrie.weights.adapter import AdapterFiles
from corrie.weights.fingerprint import fingerprint
from corrie.weights.realise import realise

RESIDUAL = 1e-5
"""Share of a fine-tune's length that may stand out of a subspace of directions and still count as rounding."""


@dataclass(frozen=True, eq=False)
class Stand:
    """Where a fine-tune stands in a subspace.

    record        names it
    coordinates   x', on the lattice if there is one
    distance      ‖x'‖₂ from the model, rounded up
    """

    record: Coordinates
    coordinates: Coords
    distance: float

    def __str__(self) -> str:
        return f"{self.record.name}: at distance {self.distance:.4g}"


def stand(model: Model, space: Space, place: str, *, lattice: int | None = None, say: Say = silent) -> Stand:
    """Where a fine-tune stands in a subspace, and how far that is from the model.

    An adapter in a subspace of frozen A must have that very A; one of few numbers must lie in the span of its U; a
    checkpoint or adapter in a span must lie in it. Anything may be asked in the full space.

    Args:
        place: an adapter's folder, a checkpoint's folder or name.
        lattice: e; coordinates are moved to the lattice 2^e (the noise's own), and the distance is theirs.

    Raises:
        InputError, ModelError: a fine-tune of another model, or one that leaves the subspace.
    """
    if isinstance(space, LowRankSpace):
        found = _in_rows(space, Path(place).expanduser())
    else:
        found = _written(model, space, way_to(model, place, say), place)
    name = Path(place).expanduser().resolve().name if Path(place).expanduser().exists() else place
    return _at(space, found, place, name, lattice)


def stand_along(model: Model, space: Space, path: Direction, name: str, *, lattice: int | None = None) -> Stand:
    """Where the end of a path stands in a subspace: the very weight change that a scan along the path makes.

    As :func:`stand`, for what was looked at already. Rounding stands in the full space. In a subspace of frozen A
    stands an adapter only, and only where all of its layers are among the tensors that move: along a path the others
    stay.

    Args:
        path: with an end; its content in ``model.sources``.
        name: what lies at the end.

    Raises:
        InputError, ModelError: it leaves the subspace, or no one can tell that it does not.
    """
    if not isinstance(space, LowRankSpace):
        return _at(space, _written(model, space, path, str(path)), str(path), name, lattice)
    if not isinstance(path, Adapter):
        raise InputError(
            str(path),
            found="it is no adapter with the frozen A of that subspace",
            advice="the adapter itself, not the checkpoint it was merged into",
        )
    left = [n for n in space.fixed if f"{n}.weight" not in model.selection.tensors]
    if left:
        raise InputError(
            str(path),
            found=f"the path leaves layers of the subspace as they are ({left[0]} is not among the tensors that move)",
            advice="the whole model: no --include, no --exclude",
        )
    return _at(space, _in_rows(space, model.sources.path(path.content, str(path))), str(path), name, lattice)


def fine_tuned(
    model: Model,
    space: Space,
    tuned: str | Path | None,
    distance: float | None,
    lattice: int | None,
    *,
    say: Say = silent,
) -> FineTuned | None:
    """What a certificate is asked about: a fine-tune in the subspace, a bare distance, or nothing.

    Raises:
        InputError: both at once, a distance that is none, or a fine-tune outside of the subspace.
        ModelError: a fine-tune of another model.
    """
    if tuned is not None and distance is not None:
        raise InputError("a certificate", found="a fine-tune and a distance at once", advice="one of them")
    if distance is not None:
        check_distance(distance)
        return FineTuned(distance=distance)
    if tuned is None:
        return None
    found = stand(model, space, str(tuned), lattice=lattice, say=say)
    return FineTuned(distance=found.distance, name=found.record.name, content=found.record.content)


def _at(space: Space, found: dict[str, torch.Tensor], what: str, name: str, lattice: int | None) -> Stand:
    """Checked, moved to the lattice, measured, named."""
    check_coordinates(space, found, what)
    here = rounded(found, lattice)
    return Stand(Coordinates(subspace=space.spec.id, content=fingerprint(here), name=name), here, length_up(here))


def _written(model: Model, space: Space, way: Direction, what: str) -> dict[str, torch.Tensor]:
    """The coordinates of a way in a space whose places are written into the weights."""
    pristine = {n: p.data for n, p in model.selection.tensors.items()}
    delta = realise(way, pristine, model.sources).together(pristine)
    if space.spec.kind != "full":
        return _projected(space, delta.tensors, what)
    sizes = root_mean_squares(model.selection) if space.spec.scale == "rms" else dict.fromkeys(pristine, 1.0)
    return {n: t.double() / sizes[n] for n, t in delta.tensors.items()}


def _in_rows(space: LowRankSpace, folder: Path) -> dict[str, torch.Tensor]:
    if not folder.is_dir():
        raise ModelError(f"adapter {folder}", found="no such folder", advice="a folder with adapter_config.json")
    files = AdapterFiles.open(folder)
    refuse_more_than_matrices(files, folder)
    ours = {f"{n}.weight" for n in space.fixed}
    if set(files.matrices) != ours:
        other = sorted(set(files.matrices) ^ ours)[0]
        raise InputError(f"adapter {folder}", found=f"it is not of this subspace: {other} is in one of them only")
    found: dict[str, torch.Tensor] = {}
    for layer, one in space.fixed.items():
        weight = f"{layer}.weight"
        down, up, scale = files.down(weight).float(), files.up(weight).float(), files.scale(weight)
        if not (torch.equal(down, one.down) and scale == one.scale):
            raise InputError(
                f"adapter {folder}",
                found=f"its A of {layer} is not the subspace's frozen one (or its scale is another): A was trained",
                advice="freeze A while training (corrie.optim.freeze_down), or certify its own subspace",
            )
        found[coordinate_name(layer, space.spec.free)] = up if one.up is None else _core_of(one.up, up, folder, layer)
    return found


def _core_of(fixed: torch.Tensor, up: torch.Tensor, folder: Path, layer: str) -> torch.Tensor:
    """M with U M = B."""
    core = torch.linalg.lstsq(fixed.double(), up.double()).solution
    rest = float((fixed.double() @ core - up.double()).norm())
    if rest > RESIDUAL * max(float(up.double().norm()), 1e-30):
        raise InputError(f"adapter {folder}", found=f"its B of {layer} is outside of the span of the fixed U")
    return core


def _projected(space: Space, delta: dict[str, torch.Tensor] | object, place: str) -> dict[str, torch.Tensor]:
    """The coordinates of a change in a span, by least squares on the changes that the coordinates make."""
    ((name, shape),) = space.shapes.items()
    count = shape[0]
    tensors = space.tensors  # type: ignore[attr-defined]
    basis = [tensors({name: torch.eye(count, dtype=torch.float64)[i]}) for i in range(count)]

    def dot(a: object, b: object) -> float:
        return sum(float((t.double() * b[n].double()).sum()) for n, t in a.items())  # type: ignore[attr-defined,index]

    gram = torch.tensor([[dot(a, b) for b in basis] for a in basis], dtype=torch.float64)
    right = torch.tensor([dot(a, delta) for a in basis], dtype=torch.float64)
    found = torch.linalg.solve(gram, right)
    whole = dot(delta, delta)
    rest = whole - float(right @ found)
    if rest > RESIDUAL**2 * whole:
        raise InputError(
            f"fine-tune {place}",
            found=f"{math.sqrt(max(rest, 0) / whole):.3g} of its length is outside of {space.spec}",
            advice="a subspace that holds it, or --subspace full",
        )
    return {name: found}
