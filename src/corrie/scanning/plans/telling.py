"""For a time budget: the same work, the most telling point first.

A point tells most where nothing is known yet (far from the step sizes that were looked at), and then where it is
undecided whether the basin still holds: close to the retention threshold, and at step sizes few directions have looked
at. Points deep in the plateau or far beyond the
cliff come last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.scanning.plans.retained import retained_shares
from corrie.scanning.work import Agenda, Known, Plan, Work

_WIDTH = 0.15
"""How far from the threshold a retained share still counts as undecided."""

_FLOOR = 0.05
"""What a point tells that is far from every threshold."""


@dataclass(frozen=True)
class MostTelling:
    """Another plan's work, one point at a time, in the order above."""

    plan: Plan
    chances: dict[str, float]

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        agenda = self.plan(spec, known)
        if len(agenda.work) < 2 or any(not w.point.steps for w in agenda.work):
            return Agenda(agenda.work[:1], agenda.expected)
        looked, closeness = self._so_far(spec, known, agenda.work)
        order = sorted(looked)
        seen = [i for i, alpha in enumerate(order) if looked[alpha]]

        def telling(work: Work) -> tuple[int, float]:
            alpha = _alpha(work.point)
            if not looked[alpha]:
                here = order.index(alpha)
                return (1, min((abs(here - i) for i in seen), default=-abs(here - len(order) // 2)))
            return (0, closeness[alpha] / (1 + looked[alpha]))

        return Agenda((max(agenda.work, key=telling),), agenda.expected)

    def _so_far(
        self, spec: ScanSpec, known: Known, work: tuple[Work, ...]
    ) -> tuple[dict[float, int], dict[float, float]]:
        """For each α: how many directions have looked there; how close the nearest capability is to its threshold."""
        alphas = {_alpha(w.point) for w in work}
        looked, closeness = dict.fromkeys(alphas, 0), dict.fromkeys(alphas, _FLOOR)
        for alpha in alphas:
            found = [retained_shares(spec, known, Point.along(d, alpha), self.chances) for d in spec.directions]
            looked[alpha] = sum(map(bool, found))
            for task in {t for f in found for t in f}:
                shares = [f[task] for f in found if task in f]
                off = (sum(shares) / len(shares) - spec.retention) / _WIDTH
                closeness[alpha] = max(closeness[alpha], math.exp(-(off**2)))
        return looked, closeness


def _alpha(point: Point) -> float:
    return point.steps[0].alpha
