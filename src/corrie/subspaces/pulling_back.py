"""Pulling an adapter back into a radius: scale its displacement until what is *written* lies inside.

The nearest point of the ball ‖x‖ ≤ R to x' is (R/‖x'‖) x'. Three roundings must not lead out again: to the
certificate's lattice (towards 0, so no coordinate grows), to the float32 of the file, and of the norm itself (up). So
the adapter is written, read again as anybody would read it, and measured; if it lies outside, the aim is a little
further inside.

With a certificate the distance is ‖x'‖ in *its* subspace, with the lattice and the frozen matrices of it. With a bare
radius it is ‖B‖_F over all adapted matrices: the distance in the subspace of the adapter's own A.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.whole_folder import refuse_full, whole_folder
from corrie.errors import InputError, ModelError
from corrie.optim.ball import Projection
from corrie.records.rules import check_radius
from corrie.stats.rounding import rounded_up
from corrie.subspaces.smoothed import Smoothed
from corrie.subspaces.space import Coords, length_up
from corrie.subspaces.stand import stand
from corrie.subspaces.written_adapter import replace_ups, ups
from corrie.weights.adapter import AdapterFiles

_SLACK = 2.0**-40
"""How far inside the sphere the first attempt aims; each further one sixteen times as far."""


@dataclass(frozen=True)
class PulledBack:
    """An adapter that was pulled back, and what is certified where it lies now.

    projection   distances before and after, and the radius; ``after`` is measured on what was written, rounded up
    folder       where it was written
    certificate  asked about the new place; None where there was only a radius
    """

    projection: Projection
    folder: Path
    certificate: Certificate | None = None

    def __str__(self) -> str:
        p = self.projection
        before, after = f"{rounded_up(p.before, 5):g}", f"{rounded_up(p.after, 5):g}"
        moved = f"pulled back, distance {before} → {after}" if p.moved else f"inside already, distance {after}"
        said = f"{self.folder}: {moved}, radius {p.radius:g}"
        if self.certificate is None:
            return said
        spec = self.certificate.evidence.spec
        ratio = rounded_up(p.after / spec.sigma, 3)
        return (
            f"{said}, r/σ = {ratio:g}. There, with confidence {spec.confidence:g}, about the smoothed model and not "
            f"this one adapter: {self.certificate.finding}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        p, stated = self.projection, self.certificate
        return {
            "folder": str(self.folder),
            "before": p.before,
            "after": p.after,
            "radius": p.radius,
            "moved": p.moved,
            "sentence": str(self),
            "ratio": None if stated is None else p.after / stated.evidence.spec.sigma,
            "verdict": None if stated is None else stated.verdict,
            "tasks": []
            if stated is None
            else [{"task": t.task.name, "chance": t.task.chance, "lower": t.lower(p.after)} for t in stated.tasks],
        }


def pull_back(served: Smoothed, adapter: str | Path, folder: str | Path, radius: float | None = None) -> PulledBack:
    """Pull an adapter back into a certificate's subspace and radius.

    Args:
        served: the smoothed model of the certificate, around the adapter.
        adapter: the adapter's folder; all but its B is kept.
        folder: is made.
        radius: None: the certificate's own, at which every task keeps the stated share of its score.

    Raises:
        InputError: no adapter, a subspace that no adapter reaches, no radius, or a folder that is there.
        ModelError: no rounding of it lies inside.
    """
    if served.around is None or served.certificate is None:
        raise InputError("pulling back", found="no adapter and certificate", advice="corrie.smoothed(…, adapter=…)")
    chosen = served.certificate.radius if radius is None else radius
    if chosen is None:
        raise InputError(
            "the certified radius",
            found=f"the certificate keeps {served.certificate.retain:.0%} of the score above chance at no distance",
            advice="--radius R",
        )
    space, files = served.rows, AdapterFiles.open(Path(adapter).expanduser())

    def write(place: Coords, to: Path) -> None:
        replace_ups(files, {f"{layer}.weight": up for layer, up in ups(space, place).items()}, to)

    def measure(written: Path) -> float:
        return stand(served.model, space, str(written), lattice=served.lattice).distance

    projection = _written_inside(served.center, served.lattice, chosen, Path(folder), write, measure)
    at = stand(served.model, space, str(folder), lattice=served.lattice)
    asked = FineTuned(distance=at.distance, name=at.record.name, content=at.record.content)
    return PulledBack(projection, Path(folder), replace(served.certificate, about=asked))


def pull_back_alone(adapter: str | Path, folder: str | Path, radius: float) -> PulledBack:
    """Pull an adapter back until ‖B‖_F ≤ radius, in the subspace of its own A. No model is needed.

    Raises:
        InputError: no radius, or a folder that is there.
        ModelError: no LoRA adapter.
    """
    files = AdapterFiles.open(Path(adapter).expanduser())
    if not files.matrices:
        raise ModelError(f"adapter {adapter}", found="it changes whole tensors only", advice="an adapter with A and B")
    here = {weight: files.up(weight).double() for weight in files.matrices}

    def write(place: Coords, to: Path) -> None:
        replace_ups(files, {weight: up.float() for weight, up in place.items()}, to)

    def measure(written: Path) -> float:
        again = AdapterFiles.open(written)
        return length_up({weight: again.up(weight) for weight in again.matrices})

    return PulledBack(_written_inside(here, None, radius, Path(folder), write, measure), Path(folder))


def _written_inside(
    here: Coords,
    lattice: int | None,
    radius: float,
    folder: Path,
    write: Callable[[Coords, Path], None],
    measure: Callable[[Path], float],
) -> Projection:
    check_radius(radius)
    before = length_up(here)
    if not math.isfinite(before):
        raise ModelError("pulling back", found="coordinates that are not finite", advice="an earlier checkpoint")
    refuse_full(folder, empty=False)
    slack = 0.0 if before <= radius else _SLACK
    with tempfile.TemporaryDirectory() as scratch:
        attempt = 0
        while slack < 0.5:
            scale = min(radius, before) * (1.0 - slack) / before if slack else 1.0
            place = towards_zero({n: t.double() * scale for n, t in here.items()}, lattice)
            tried = Path(scratch) / str(attempt)
            write(place, tried)
            after = measure(tried)
            if after <= radius:
                whole_folder(folder, lambda made, tried=tried: _copy(tried, made))
                return Projection(before, after, radius)
            slack, attempt = max(16.0 * slack, _SLACK), attempt + 1
    raise ModelError(
        f"pulling back into radius {radius:g}",
        found="what can be written lies outside of it",
        advice="a larger radius",
    )


def towards_zero(coordinates: Mapping[str, Tensor], lattice: int | None) -> dict[str, Tensor]:
    """The multiples of 2^lattice next to each coordinate on its side towards 0: no norm grows.

    >>> towards_zero({"x": torch.tensor([0.99, -0.3])}, -1)["x"].tolist()
    [0.5, -0.0]
    """
    if lattice is None:
        return dict(coordinates)
    return {
        n: torch.from_numpy(np.ldexp(np.trunc(np.ldexp(t.double().numpy(), -lattice)), lattice))
        for n, t in coordinates.items()
    }


def _copy(source: Path, target: Path) -> None:
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
