"""Whether a capability was kept or lost, from the same examples before and after: the rule of diff and retract.

Idea
----
J and J' are the mean scores of the same m examples before and after, c the chance score, t the tolerance.

* **kept**: J' ≥ J − t (J − c): the drop is within the tolerance.
* **lost**: the drop is larger, *and* it is no accident of these examples: the one-sided exact test on the pairs
  (McNemar; for running text, whose scores lie between 0 and 1, the betting limit of the mean difference) rejects
  "getting worse is no more likely than getting better" at error 1 − confidence.
* **undecided**: the drop is larger, but these examples cannot tell it from chance: more of them can.
* **absent**: J itself cannot be told from c: there is nothing to keep or lose.

Each capability is judged by itself: of K capabilities that are all as good as before, one is called lost with
probability at most K (1 − confidence). The interval is for the mean difference over the population that the examples
stand for; it assumes nothing about the law of the scores and is wider than a test on the discordant pairs alone, so a
small loss can be significant and its interval still touch 0.

An example that could be scored before and cannot be scored after counts as 0 (:mod:`corrie.analysis.kept_score`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from corrie.analysis.kept_score import KeptScore
from corrie.errors import InputError
from corrie.records.canonical import Record
from corrie.stats.difference import paired_difference
from corrie.stats.paired_change import mcnemar

PairedStatus = Literal["kept", "lost", "undecided", "absent"]


class PairedVerdict(Record):
    """One capability before and after.

    before, after   J and J'
    low, high       interval of the mean difference after − before
    worse, better   examples that got worse, and better
    p_worse         one-sided p-value of McNemar's exact test; None where scores lie between 0 and 1
    p_changed       two-sided
    least           the score that had to be reached

    >>> from corrie.records.task import TaskIdentity
    >>> task = TaskIdentity(name="sums", capability="math", source="here", scoring="choice", chance=0.2, size=100,
    ...                     digest="d")
    >>> kept = KeptScore(task, (1.0,) * 80 + (0.0,) * 20, tolerance=0.05)
    >>> print(PairedVerdict.of(kept, (1.0,) * 60 + (0.0,) * 40, confidence=0.95))
    lost: 0.800 → 0.600, -0.2 [-0.307, -0.106] (20 of 100 examples got worse and 0 better, one-sided p = 9.54e-07)
    """

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

    @classmethod
    def of(cls, kept: KeptScore, after: Sequence[float | None], confidence: float = 0.95) -> PairedVerdict:
        """Judge.

        Args:
            kept: the task, its scores before, and the tolerance.
            after: success of each of the same examples, None where it is unscored.
            confidence: of the interval, and 1 − the error of the test; above 0.5.

        Raises:
            InputError: no example was scored before, another number of examples, a confidence that cannot be meant.
        """
        if not 0.5 < confidence < 1:
            raise InputError(f"confidence {confidence:g}", found="no number between 0.5 and 1", advice="0.95")
        if not kept.examples:
            raise InputError(f"a comparison on {kept.task.name}", found="no example could be scored before the change")
        pairs = [(b, a or 0.0) for b, a in zip(kept.unmoved, after, strict=True) if b is not None]
        x, y = np.array([b for b, _ in pairs]), np.array([a for _, a in pairs])
        between = paired_difference(x, y, confidence)
        binary = bool(np.isin([x, y], (0.0, 1.0)).all())
        change = mcnemar(x, y) if binary else None
        if change is not None:
            significant = change.p_worse <= 1 - confidence
        else:
            significant = paired_difference(x, y, 2 * confidence - 1).high < 0
        if not kept.present:
            verdict: PairedStatus = "absent"
        elif kept.keeps(after):
            verdict = "kept"
        else:
            verdict = "lost" if significant else "undecided"
        return cls(
            verdict=verdict,
            before=kept.score,
            after=kept.of(after),
            chance=kept.task.chance,
            least=kept.least,
            examples=kept.examples,
            low=between.low,
            high=between.high,
            worse=int((x > y).sum()),
            better=int((x < y).sum()),
            p_worse=None if change is None else change.p_worse,
            p_changed=None if change is None else change.p_changed,
            tolerance=kept.tolerance,
            confidence=confidence,
        )

    @property
    def numbers(self) -> str:
        """The scores, the difference and the test, in words."""
        p = "" if self.p_worse is None else f", one-sided p = {self.p_worse:.3g}"
        interval = f"{self.after - self.before:+.3g} [{self.low:+.3g}, {self.high:+.3g}]"
        return (
            f"{self.before:.3f} → {self.after:.3f}, {interval} "
            f"({self.worse} of {self.examples} examples got worse and {self.better} better{p})"
        )

    def __str__(self) -> str:
        return f"{self.verdict}: {self.numbers}"
