"""One shard's share of a plan that is fixed beforehand: the unmoved model, and every n-th of its other points."""

from __future__ import annotations

from dataclasses import dataclass

from corrie.errors import InputError
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.shard import Shard
from corrie.scanning.plans.line import cells_at
from corrie.scanning.work import Agenda, Known, Plan


@dataclass(frozen=True)
class Sharded:
    """A shard of another plan, which asks for all of its work at once (``design/shards.md``).

    The unmoved model belongs to every shard: so each run can be read by itself, and a merge sees whether the machines
    compute the same numbers.

    plan    the whole plan; what it asks for must not depend on what is known
    shard   which share of it
    """

    plan: Plan
    shard: Shard

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        points = self.points(spec)
        return Agenda(known.missing(spec, points), cells_at(spec, len(points)))

    def points(self, spec: ScanSpec) -> tuple[Point, ...]:
        """Where this shard scores.

        Raises:
            InputError: there are fewer moved points than shards.
        """
        whole = [work.point for work in self.plan(spec, Known()).work]
        moved = [point for point in whole if point.steps]
        if len(moved) < self.shard.count:
            raise InputError(
                f"shard {self.shard}",
                found=f"the plan has {len(moved)} point{'s' * (len(moved) != 1)} beside the unmoved model",
                advice=f"at most {len(moved)} shards" if moved else "no --shard",
            )
        return (*(point for point in whole if not point.steps), *self.shard.of(moved))
