"""A smoothed model as a handful of adapters, for servers that know nothing of noise.

A server that takes LoRA adapters and chooses one of N draws at random for each request serves the mean of those N.
That is not yet the smoothed model but a sample of it: N draws are fixed once, and all requests share them. Their mean
score is an average of N independent values in [0, 1] whose expectation is the smoothed score, so it falls t below with
probability at most exp(−2 N t²) (Hoeffding). Large N, or new draws every so often, come near; a draw for each request
(:meth:`corrie.subspaces.smoothed.Smoothed.drawn`) is the thing itself.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.analysis.whole_folder import whole_folder
from corrie.records.rules import check_adapters
from corrie.stats.rounding import rounded_up
from corrie.subspaces.smoothed import Smoothed

LIST = "draws.json"
"""What was drawn, beside the adapters."""

SURE = 0.95
"""Confidence at which the shortfall of N draws is stated."""


@dataclass(frozen=True)
class DrawnAdapters:
    """Adapters that were drawn from a smoothed model.

    folder    where they lie, with ``draws.json``
    names     of their folders
    seeds     of their noise
    sentence  what they are draws of
    """

    folder: Path
    names: tuple[str, ...]
    seeds: tuple[int, ...]
    sentence: str

    @property
    def shortfall(self) -> float:
        """How far the mean score of these N may lie below the smoothed score, with confidence 0.95 over their draws."""
        return rounded_up(math.sqrt(-math.log(1 - SURE) / (2 * len(self.names))), 3)

    def __str__(self) -> str:
        count = len(self.names)
        return (
            f"{count} adapter{'s' * (count > 1)} in {self.folder}: choose one at random for each request. These are "
            f"draws of {self.sentence}. With confidence {SURE:g} over these {count} draws their mean score is less "
            f"than {self.shortfall:g} below the smoothed model's; a fresh draw for each request has no such loss."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "folder": str(self.folder),
            "adapters": [{"name": n, "seed": s} for n, s in zip(self.names, self.seeds, strict=True)],
            "shortfall": {"at_most": self.shortfall, "confidence": SURE},
            "sentence": str(self),
        }


def draw_adapters(served: Smoothed, count: int, folder: str | Path, seed: int | None = None) -> DrawnAdapters:
    """Write N draws as adapters that PEFT loads: frozen A, and B = B' + ε (of few numbers, U (M' + ε)).

    Args:
        served: the smoothed model.
        count: N.
        folder: is made: ``draw-0``, ``draw-1``, …, and ``draws.json`` with certificate, place and seeds.
        seed: of the first draw, the others following; None: each from the operating system.

    Raises:
        InputError: no draws, a subspace that no adapter reaches, seeds that the certificate has drawn, or a folder that
            is there.
        StorageError: the disk refuses.
    """
    check_adapters(count)
    served.rows  # noqa: B018 (refuses a subspace that no adapter reaches)
    seeds = tuple(served.fresh_seed() for _ in range(count)) if seed is None else tuple(range(seed, seed + count))
    width = len(str(count - 1))
    names = tuple(f"draw-{number:0{width}}" for number in range(count))
    made = DrawnAdapters(Path(folder), names, seeds, str(served))

    def write(place: Path) -> None:
        for name, one in zip(names, seeds, strict=True):
            served.save(place / name, one)
        (place / LIST).write_text(json.dumps(_listed(served, made), indent=2) + "\n", encoding="utf-8")

    whole_folder(Path(folder), write)
    return made


def _listed(served: Smoothed, made: DrawnAdapters) -> dict[str, Any]:
    around, stated = served.around, served.stated
    return {
        "format": "corrie-draws-1",
        "model": served.model.identity.model_dump(mode="json"),
        "subspace": served.space.spec.model_dump(mode="json") | {"id": served.space.spec.id},
        "sigma": served.sigma,
        "lattice": served.lattice,
        "around": None if around is None else around.record.model_dump(mode="json"),
        "distance": served.distance,
        "outcomes": None if stated is None else stated.evidence.digest,
        "adapters": [{"name": n, "seed": s} for n, s in zip(made.names, made.seeds, strict=True)],
        "sentence": made.sentence,
    }
