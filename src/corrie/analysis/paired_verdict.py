"""Whether a capability was kept or lost, from the same examples before and after: the rule of diff and retract.

Idea
----
b and a are an example's scores before and after, c the chance score, t the tolerance. What may be lost is the share t
of the score above chance. So the question is the sign of one mean, over the population that the examples stand for:

    y = (a − c) − (1 − t)(b − c),        mean y > 0: the loss is within the tolerance; mean y < 0: it is larger.

The score before is not plugged in: it is estimated on the same examples, inside y. y is bounded, and both claims are
tested by evidence that holds at any time (:mod:`corrie.stats.mean_process`): one may look after every block and stop.

* **kept**: "the loss is the tolerance or more" is rejected at error 1 − confidence.
* **lost**: "the loss is the tolerance or less" is rejected at error 1 − confidence.
* **undecided**: neither, on these examples. ``needs`` estimates how many it takes.
* **absent**: the score before cannot be told from c: there is nothing to keep or lose.

Of several tasks that are judged together (:func:`judged_together`), the probability that *any* is wrongly called lost,
at any look, is at most 1 − confidence; likewise that any is wrongly called kept (Holm's step-down for each of the two).
Assumes that examples are independent and in an order that ignores the scores, as the tasks' fixed shuffle is.

McNemar's exact test on the pairs stands beside it and decides nothing: it asks whether anything got worse at all. The
interval of the mean change holds at every look, too.

An example that could be scored before and cannot be scored after counts as 0 (:mod:`corrie.analysis.kept_score`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from corrie.analysis.kept_score import KeptScore
from corrie.errors import InputError
from corrie.records.canonical import Record
from corrie.records.rules import check_two_sided
from corrie.stats import mean_process
from corrie.stats.chance import examples_to_see
from corrie.stats.multiplicity import holm, shared_confidence
from corrie.stats.paired_change import mcnemar

PairedStatus = Literal["kept", "lost", "undecided", "absent"]

_MIXING = 2.5
"""Nats that the mixture of stakes costs against the best one, as it was seen in simulations; for ``needs`` alone."""


class PairedVerdict(Record):
    """One capability before and after.

    before, after   J and J'
    low, high       interval of the mean difference after − before
    worse, better   examples that got worse, and better
    p_worse         one-sided p-value of McNemar's exact test; None where scores lie between 0 and 1
    p_changed       two-sided
    least           the score that had to be reached
    p_kept          of "the loss is the tolerance or more": small says kept; None in verdicts of older versions
    p_lost          of "the loss is the tolerance or less": small says lost
    needs           about how many examples decide it if the rest are like these; None unless it is undecided, or
                    where these examples lie so near to the tolerance that no number can be said

    >>> from corrie.records.task import TaskIdentity
    >>> task = TaskIdentity(name="sums", capability="math", source="here", scoring="choice", chance=0.2, size=100,
    ...                     digest="d")
    >>> kept = KeptScore(task, (1.0, 1.0, 1.0, 1.0, 0.0) * 20, tolerance=0.1)
    >>> print(PairedVerdict.of(kept, (1.0, 1.0, 0.0, 1.0, 0.0) * 20, confidence=0.95))
    lost: 0.800 → 0.600, -0.2 [-0.343, -0.0898] (20 of 100 examples got worse and 0 better; p = 0.00192 of no more than tolerated)
    """  # noqa: E501 (what it prints)

    verdict: PairedStatus
    before: float
    after: float
    chance: float
    least: float
    examples: int
    low: float
    high: float
    worse: int
    better: int
    p_worse: float | None
    p_changed: float | None
    tolerance: float
    confidence: float
    p_kept: float | None = None
    p_lost: float | None = None
    needs: int | None = None

    @classmethod
    def of(cls, kept: KeptScore, after: Sequence[float | None], confidence: float = 0.95) -> PairedVerdict:
        """Judge one task by itself.

        Args:
            kept: the task, its scores before in their order, and the tolerance.
            after: success of each of the same examples, None where it is unscored.
            confidence: of the interval, and 1 − the error of each of the two tests; above 0.5.

        Raises:
            InputError: no example was scored before, another number of examples, a confidence that is not valid.
        """
        return judged_together({"": (kept, after)}, confidence)[""]

    @property
    def decided(self) -> bool:
        """Whether more examples are not needed."""
        return self.verdict in ("kept", "lost")

    @property
    def numbers(self) -> str:
        """The scores, the difference, the flips in both directions and the test, in words."""
        interval = f"{self.after - self.before:+.3g} [{self.low:+.3g}, {self.high:+.3g}]"
        return (
            f"{self.before:.3f} → {self.after:.3f}, {interval} "
            f"({self.worse} of {self.examples} examples got worse and {self.better} better{self._test})"
        )

    @property
    def _test(self) -> str:
        if self.p_kept is None or self.p_lost is None:
            return "" if self.p_worse is None else f", one-sided p = {self.p_worse:.3g}"
        if self.p_kept <= self.p_lost:
            return f"; p = {self.p_kept:.3g} of a loss as large as the tolerance"
        return f"; p = {self.p_lost:.3g} of no more than tolerated"

    @property
    def takes(self) -> str:
        """What it would take to decide it, or to see it where it is absent; empty where it is decided."""
        if self.verdict == "absent":
            seen = examples_to_see(self.before, self.chance)
            return f"about {seen} examples would show it, if {self.before:.3f} is its true score" if seen else ""
        if self.verdict != "undecided":
            return ""
        if self.needs is None:
            return "the loss is so near to the tolerance that no number of examples can be named"
        return f"about {self.needs} examples would decide it"

    def __str__(self) -> str:
        return f"{self.verdict}: {self.numbers}"


def judged_together(
    pairs: Mapping[str, tuple[KeptScore, Sequence[float | None]]], confidence: float = 0.95
) -> dict[str, PairedVerdict]:
    """Judge several tasks so that no verdict among them is wrong with more than the stated error.

    Args:
        pairs: for each task its scores before, and after.
        confidence: of all intervals together, and 1 − the error of each family of tests; above 0.5.

    Raises:
        InputError: no example of a task was scored before, another number of examples, a confidence that is not valid.

    >>> judged_together({})
    {}
    """
    each = shared_confidence(confidence, max(len(pairs), 1)) if 0 < confidence < 1 else confidence
    return {
        name: _described(*pairs[name], verdict, p, confidence, each)
        for name, (verdict, *p) in decided_together(pairs, confidence).items()
    }


def decided_together(
    pairs: Mapping[str, tuple[KeptScore, Sequence[float | None]]], confidence: float = 0.95
) -> dict[str, tuple[PairedStatus, float, float]]:
    """The verdicts of :func:`judged_together` alone, each with its two p-values (kept, lost), adjusted for all tasks.

    Raises:
        InputError: as there.

    >>> decided_together({})
    {}
    """
    check_two_sided(confidence)
    if not pairs:
        return {}
    p = {name: _p_values(kept, after) for name, (kept, after) in pairs.items()}
    adjusted_kept = holm([one[0] for one in p.values()])
    adjusted_lost = holm([one[1] for one in p.values()])
    error = 1 - confidence
    found: dict[str, tuple[PairedStatus, float, float]] = {}
    for (name, (kept, _)), p_kept, p_lost in zip(pairs.items(), adjusted_kept, adjusted_lost, strict=True):
        verdict: PairedStatus = "undecided"
        if not kept.present:
            verdict = "absent"
        elif min(p_kept, p_lost) <= error + 1e-12:
            verdict = "kept" if p_kept < p_lost else "lost"
        found[name] = verdict, float(p_kept), float(p_lost)
    return found


def _scores(kept: KeptScore, after: Sequence[float | None]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(b, a or 0.0) for b, a in zip(kept.unmoved, after, strict=True) if b is not None]
    if not pairs:
        raise InputError(f"a comparison on {kept.task.name}", found="no example could be scored before the change")
    return np.array([b for b, _ in pairs], float), np.array([a for _, a in pairs], float)


def _spared(kept: KeptScore, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float, float]:
    """What is left of the tolerance, example by example, and the least and most that this can be."""
    t, c = kept.tolerance, kept.task.chance
    least, most = -c - (1 - t) * (1 - c), (1 - c) + (1 - t) * c
    return np.clip((y - c) - (1 - t) * (x - c), least, most), least, most


def _p_values(kept: KeptScore, after: Sequence[float | None]) -> tuple[float, float]:
    spared, least, most = _spared(kept, *_scores(kept, after))
    return mean_process.p_value(spared, 0.0, least), mean_process.p_value(-spared, 0.0, -most)


def _needs(kept: KeptScore, x: np.ndarray, y: np.ndarray, nats: float) -> int | None:
    spared, least, most = _spared(kept, x, y)
    rate = max(mean_process.growth(spared, 0.0, least), mean_process.growth(-spared, 0.0, -most))
    return max(x.size + 1, math.ceil((nats + _MIXING) / rate)) if rate > 1e-5 else None


def _described(
    kept: KeptScore,
    after: Sequence[float | None],
    verdict: PairedStatus,
    p: Sequence[float],
    confidence: float,
    each: float,
) -> PairedVerdict:
    x, y = _scores(kept, after)
    side = shared_confidence(each, 2)
    change = mcnemar(x, y) if bool(np.isin([x, y], (0.0, 1.0)).all()) else None
    return PairedVerdict(
        verdict=verdict,
        before=kept.score,
        after=kept.of(after),
        chance=kept.task.chance,
        least=kept.least,
        examples=kept.examples,
        low=mean_process.lower_limit(y - x, -1.0, 1.0, side),
        high=-mean_process.lower_limit(x - y, -1.0, 1.0, side),
        worse=int((x > y).sum()),
        better=int((x < y).sum()),
        p_worse=None if change is None else change.p_worse,
        p_changed=None if change is None else change.p_changed,
        tolerance=kept.tolerance,
        confidence=confidence,
        p_kept=p[0],
        p_lost=p[1],
        needs=_needs(kept, x, y, -math.log(1 - each)) if verdict == "undecided" else None,
    )
