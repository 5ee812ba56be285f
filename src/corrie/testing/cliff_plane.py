"""A plane with a known cliff, made in a moment: what pictures and readers of planes are tried on without a model.

The law: with r = ‖α δ1 + β δ2‖/√d, the σ-equivalent of the step, example j is right while r < R_c · exp(0.15 z_j), z_j
standard normal and the same at every point, and wrong beyond. So every contour of a score is a circle in L2 distance,
whatever the angle between the directions, and J(r) = Φ((log R_c − log r)/0.15).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from corrie.analysis.plane_geometry import PlaneGeometry
from corrie.records.cell import Cell, Outcome
from corrie.records.direction import Direction, gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.store import Realised, Store
from corrie.records.task import TaskIdentity
from corrie.testing.cliff_run import KINDS, MODEL, Kind, identity

SPREAD = 0.15


def cliff_plane(
    store: Store | None = None,
    *,
    examples: int = 100,
    directions: tuple[Direction, Direction] | None = None,
    alpha: AlphaGrid | None = None,
    beta: AlphaGrid | None = None,
    geometry: PlaneGeometry | None = None,
    kinds: Sequence[Kind] = KINDS[2:4],
    seed: int = 0,
) -> Store:
    """Write a whole plane of the toy.

    Args:
        store: an empty store of :func:`corrie.testing.cliff_run.identity` (default: one in memory).
        examples: how many.
        directions: default two random ones.
        alpha, beta: the grids (default nine steps between ±0.016 and seven between ±0.012).
        geometry: lengths and angle of the directions (default: orthogonal, of norm √d).
        kinds: its capabilities, all of them able on every example up to the cliff.
        seed: of the cliffs.

    >>> store = cliff_plane(examples=10)
    >>> len(store.keys())  # 2 tasks × (9 × 7 points, the model among them) × 1 block
    126
    """
    store = store or MemoryStore(identity())
    first, second = directions or gaussian(2)
    root = math.sqrt(MODEL.dimension)
    lies = geometry or PlaneGeometry(root, root, 0.0)
    tasks = [_register(store, kind, examples) for kind in kinds]
    spec = ScanSpec(
        tasks=tuple(TaskRequest(task=task.id, limit=examples) for task in tasks),
        directions=(first, second),
        alpha=alpha or AlphaGrid.between(-0.016, 0.016, 9),
        beta=beta or AlphaGrid.between(-0.012, 0.012, 7),
        block=store.identity.block,
    )
    store.record_spec(spec, {"corrie": "0", "date": "2026-01-01T00:00:00Z", "command": "corrie plane toy"})
    if not isinstance(spec.alpha, AlphaGrid) or spec.beta is None:
        raise TypeError("a spec of lines")
    draws = np.random.default_rng(seed).standard_normal((len(kinds), examples))
    places = {(0.0, 0.0), *((a, b) for a in spec.alpha.values for b in spec.beta.values)}
    for a, b in sorted(places):
        point, asked = Point.at((first, a), (second, b)), float(lies.distance(a, b))
        store.record_point(point, Realised(asked=asked, norm=asked, cosine=1.0 if point.steps else None))
        for task, kind, draw in zip(tasks, kinds, draws, strict=True):
            held = asked / root < kind.radius * np.exp(SPREAD * draw)
            for start in range(0, examples, spec.block):
                rows = range(start, min(start + spec.block, examples))
                store.put(
                    Cell(
                        point=point.id,
                        task=task.id,
                        block=start // spec.block,
                        outcomes=tuple(_outcome(task, j, bool(held[j]), asked / root / kind.radius) for j in rows),
                    )
                )
    return store


def _outcome(task: TaskIdentity, example: int, right: bool, ratio: float) -> Outcome:
    return Outcome(
        id=f"{task.name}-{example}",
        success=float(right),
        loss=float(f"{1.0 + ratio**2:.5g}"),
        label="right" if right else "wrong",
        answer="",
    )


def _register(store: Store, kind: Kind, examples: int) -> TaskIdentity:
    task = TaskIdentity(
        name=kind.capability,
        capability=kind.capability,
        source=f"toy/{kind.capability}",
        scoring="choice",
        chance=0.0,
        size=examples,
        digest="cd" * 32,
    )
    store.register_task(task, [])
    return task
