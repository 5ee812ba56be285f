"""Two runs of an evaluation harness on the same documents: what the second kept of the first, by the rule of diff.

No model is needed: the per-document results are the pairs that :mod:`corrie.analysis.paired_verdict` judges. Documents
are put into an order that ignores the results (a hash), and only those that both runs scored count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.analysis.basin import percent
from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import PairedVerdict, judged_together
from corrie.analysis.statement import Card, Statement
from corrie.errors import InputError
from corrie.records.canonical import content_hash
from corrie.records.logged_samples import LoggedSamples, logged_tasks
from corrie.records.rules import check_tolerance
from corrie.records.task import TaskIdentity


@dataclass(frozen=True)
class SamplesDiff(Statement):
    """Base and tuned, by their logged results.

    base, tuned   the folders
    verdicts      by task, as it was asked for
    notes         what the two runs do not have in common
    """

    base: str
    tuned: str
    verdicts: dict[str, PairedVerdict]
    notes: tuple[str, ...]
    tolerance: float
    confidence: float

    @classmethod
    def of(
        cls,
        base: str | Path,
        tuned: str | Path,
        tasks: Sequence[str],
        *,
        tolerance: float = 0.1,
        confidence: float = 0.95,
        examples: int | None = None,
    ) -> SamplesDiff:
        """Read and judge.

        Args:
            base, tuned: folders (or files) of ``lm_eval --log_samples``.
            tasks: ``TASK``, ``TASK/METRIC`` or ``TASK/METRIC,FILTER``.
            tolerance: share of the base's score above chance that may be lost, in [0, 1).
            confidence: 1 − the error, over all tasks together, of either verdict; above 0.5.
            examples: most documents that are looked at; None: all that both runs have.

        Raises:
            InputError: no task, a log that cannot be read (:class:`corrie.records.logged_samples.LoggedSamples`), no
                document in common, terms that are not valid.
            UnknownName: no such task, metric or filter.
        """
        if not tasks:
            both = [task for task in logged_tasks(Path(base)) if task in logged_tasks(Path(tuned))]
            raise InputError(
                "a comparison of logged samples",
                found=f"no task is named; in both are {', '.join(both)}" if both else "no task is named",
                advice=f"-t {both[0]}" if both else "-t TASK, as lm_eval names it",
            )
        check_tolerance(tolerance)
        if examples is not None and examples < 1:
            raise InputError(f"{examples} documents of each task", found="none to judge by", advice="400")
        pairs, notes = {}, []
        for asked in dict.fromkeys(tasks):
            before, after = (LoggedSamples.open(Path(folder), asked) for folder in (base, tuned))
            both = sorted(before.scores.keys() & after.scores.keys(), key=lambda d: content_hash([before.task, d]))
            notes += _differences(asked, before, after, len(both))
            both = both[:examples]
            task = TaskIdentity(
                name=asked,
                capability=before.task,
                source=before.file.name,
                scoring="choice" if before.chance else "generation",
                chance=before.chance,
                size=len(both),
                digest=content_hash(both)[:16],
            )
            kept = KeptScore(task, tuple(before.scores[d] for d in both), tolerance)
            pairs[asked] = kept, tuple(after.scores[d] for d in both)
        verdicts = judged_together(pairs, confidence)
        return cls(str(base), str(tuned), verdicts, tuple(notes), tolerance, confidence)

    @property
    def lost(self) -> tuple[str, ...]:
        """Tasks that are lost."""
        return tuple(task for task, verdict in self.verdicts.items() if verdict.verdict == "lost")

    @property
    def undecided(self) -> tuple[str, ...]:
        """Tasks of which nothing is said."""
        return tuple(task for task, v in self.verdicts.items() if v.verdict in ("undecided", "absent"))

    @property
    def title(self) -> str:
        return f"{self.tuned} against {self.base}, by logged samples"

    @property
    def finding(self) -> str:
        """Each kind of verdict with its tasks."""
        by = {kind: [t for t, v in self.verdicts.items() if v.verdict == kind] for kind in _KINDS}
        said = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in by.items() if names)
        return f"{said} (a loss of {percent(self.tolerance)} of the score above chance is the limit)"

    @property
    def says(self) -> tuple[str, ...]:
        """The numbers of each task, then what the runs do not share."""
        told = [f"{task} is {verdict}{_takes(verdict)}" for task, verdict in self.verdicts.items()]
        return (*told, *self.notes)

    @property
    def terms(self) -> None:
        """None: each line names its own test."""
        return None

    @property
    def holds(self) -> bool:
        """Whether nothing is lost."""
        return not self.lost

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(Card(task, v.verdict, (f"{v.numbers}{_takes(v)}",)) for task, v in self.verdicts.items())

    def to_json(self) -> dict[str, Any]:
        """Plain data: every verdict, and the finding."""
        return {
            "finding": self.finding,
            "base": self.base,
            "tuned": self.tuned,
            "tolerance": self.tolerance,
            "confidence": self.confidence,
            "notes": list(self.notes),
            "tasks": [{"task": task, **v.model_dump(mode="json")} for task, v in self.verdicts.items()],
        }


_KINDS = ("lost", "undecided", "absent", "kept")


def _takes(verdict: PairedVerdict) -> str:
    return f"; {verdict.takes}" if verdict.takes else ""


def _differences(asked: str, before: LoggedSamples, after: LoggedSamples, both: int) -> list[str]:
    """What the logs do not have in common.

    Raises:
        InputError: no document at all, other metrics or filters.
    """
    if (before.metric, before.filter) != (after.metric, after.filter):
        raise InputError(
            f"{asked} in both logs", found=f"{before.metric},{before.filter} and {after.metric},{after.filter}",
            advice=f"-t {before.task}/{before.metric},{before.filter}",
        )  # fmt: skip
    if not both:
        raise InputError(
            f"{asked} in {before.file} and {after.file}", found="no document in common",
            advice="two runs of the same task and version",
        )  # fmt: skip
    told = []
    alone = [len(log.scores) - both for log in (before, after)]
    if any(alone):
        told.append(
            f"{asked}: {both} documents are in both logs; {alone[0]} only in the base's, {alone[1]} only in the tuned's"
        )
    other = sum(before.prompts[d] != after.prompts[d] for d in before.prompts.keys() & after.prompts.keys())
    if other:
        told.append(f"{asked}: {other} documents were asked with another prompt: the verdict speaks of both changes")
    return told
