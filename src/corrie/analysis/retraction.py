"""How far a fine-tune was pulled back, what that keeps, and what of its new skill is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from corrie.analysis.basin import percent
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.analysis.statement import Card, Chart, Line, Statement, kept_in
from corrie.analysis.whole_file import write_whole
from corrie.records.canonical import Record, content_hash
from corrie.records.model import ModelIdentity
from corrie.records.run_folder import RunFolder


class RetractedCapability(Record):
    """One capability that was to be kept.

    base, tuned, retracted   its score at α = 0, 1 and where the search ended, on the examples that were searched on
    fresh                    the verdict on fresh examples; None where the task has none left
    """

    task: str
    capability: str
    examples: int
    base: float
    tuned: float
    retracted: float
    fresh: PairedVerdict | None

    def __str__(self) -> str:
        scores = f"{self.task} {self.base:.3f} → {self.tuned:.3f} tuned, {self.retracted:.3f} retracted"
        if self.fresh is None:
            return f"{scores} (not confirmed: the task has no fresh examples)"
        return f"{scores}; on fresh examples {self.fresh}"


class NewSkill(Record):
    """What the fine-tune was for: its score at α = 0, 1 and where the search ended.

    >>> print(NewSkill(task="poems", examples=50, base=0.2, tuned=0.8, retracted=0.65))
    new skill poems 0.200 → 0.800 tuned, 0.650 retracted: 75 % of the gain survives
    """

    task: str
    examples: int
    base: float
    tuned: float
    retracted: float

    @property
    def survives(self) -> float | None:
        """(retracted − base)/(tuned − base); None where the fine-tune gained nothing."""
        gain = self.tuned - self.base
        return (self.retracted - self.base) / gain if gain > 0 else None

    def __str__(self) -> str:
        share = self.survives
        left = "the fine-tune gained nothing" if share is None else f"{_share(share)} of the gain survives"
        return f"new skill {self.task} {self.base:.3f} → {self.tuned:.3f} tuned, {self.retracted:.3f} retracted: {left}"


class Retraction(Statement, Record):
    """The largest step along a fine-tune's path, as far as the search found it, at which every capability is kept.

    alpha          in [0, 1]: 1, the fine-tune is kept as it is; 0, nothing of it is
    distance       L2 of the step, α ‖Δ‖; ``tuned_distance`` is ‖Δ‖
    capabilities   what was to be kept
    skills         what the fine-tune was for
    looks          α in the order of looking, and whether everything was kept there
    set_back       how often fresh examples sent the search back
    written        where the retracted model or adapter lies; empty where nothing was written

    α is the largest under the assumption that each line leaves its basin once; inner points were spot-checked.
    """

    kind: ClassVar[str] = "retraction"

    model: ModelIdentity
    direction: str
    tuned: str
    alpha: float
    distance: float
    tuned_distance: float
    tolerance: float
    confidence: float
    capabilities: tuple[RetractedCapability, ...]
    skills: tuple[NewSkill, ...]
    looks: tuple[tuple[float, bool], ...]
    set_back: int
    written: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether every capability is kept on fresh examples too."""
        return self.alpha > 0 and all(c.fresh is not None and c.fresh.verdict == "kept" for c in self.capabilities)

    @property
    def finding(self) -> str:
        """How far, in one sentence."""
        names = " and ".join(c.task for c in self.capabilities)
        if self.alpha == 0:
            least = min(alpha for alpha, _ in self.looks)
            return (
                f"nothing of {self.tuned} can be kept: at every α looked at, down to {least:.2g}, one of {names} would "
                f"lose more than {percent(self.tolerance)} of its score above chance"
            )
        if self.alpha == 1:
            return f"{self.tuned} keeps {names} as it is (α = 1, L2 {self.distance:.4g})"
        back = (
            f"; fresh examples sent it back {self.set_back} time{'s' * (self.set_back != 1)}" if self.set_back else ""
        )
        return (
            f"{self.tuned} pulled back to α = {self.alpha:.4g} (L2 {self.distance:.4g} of {self.tuned_distance:.4g}) "
            f"keeps {names}, found with {len(self.looks)} looks{back}"
        )

    @classmethod
    def found_in(cls, run: RunFolder) -> tuple[Self, ...]:
        """Every retraction in a run folder, by what the fine-tunes are called.

        Raises:
            RunError: one of them cannot be read.
        """
        found = kept_in(
            run, cls.kind, lambda f: cls.parse(run.read(f).decode("utf-8")), "corrie retract makes it again"
        )
        return tuple(sorted(found, key=lambda r: r.tuned))

    def keep(self, folder: str | Path) -> Path:
        """Write it beside the run it was read from; the latest of each fine-tune stays.

        Raises:
            StorageError: the disk refuses.
        """
        file = RunFolder(Path(folder)).place(self.kind, content_hash(self.direction)[:16])
        return write_whole(file, lambda path: path.write_text(self.canonical(), "utf-8"))

    @property
    def title(self) -> str:
        """What a report calls it."""
        return f"{self.tuned}, pulled back"

    @property
    def holds(self) -> bool:
        """Whether anything of the fine-tune can be kept."""
        return self.alpha > 0

    @property
    def terms(self) -> None:
        """None: a measurement on these examples, confirmed on fresh ones; each line names its own test."""
        return None

    @property
    def says(self) -> tuple[str, ...]:
        """Each capability, each skill, and where the result lies."""
        told = [*map(str, self.capabilities), *map(str, self.skills)]
        if self.alpha and not self.confirmed:
            told.append("Not every capability is confirmed as kept on fresh examples")
        if self.written:
            told.append(f"Written to {self.written}")
        return tuple(told)

    @property
    def cards(self) -> tuple[Card, ...]:
        """The way back: the scores at the base, where the search ended, and at the fine-tune; the looks on the way."""
        scored = (*self.capabilities, *self.skills)
        alphas = sorted({0.0, self.alpha, 1.0})
        lines = tuple(
            Line(c.task, tuple(alphas), tuple({0.0: c.base, 1.0: c.tuned, self.alpha: c.retracted}[a] for a in alphas))
            for c in scored
        )
        chart = Chart(
            title="Scores on the way from the base to the fine-tune",
            across="α, from the base (0) to the fine-tune (1)",
            up="score",
            lines=lines,
            mark=(self.alpha, "retracted"),
        )
        looks = ", ".join(f"{alpha:.3g} {'kept' if kept else 'lost'}" for alpha, kept in sorted(self.looks))
        badge = "confirmed" if self.confirmed else "not confirmed"
        return (Card("The way back", badge, facts=(("Looks", looks),), chart=chart),)

    def to_json(self) -> dict[str, Any]:
        """Plain data: every field, and the sentence."""
        plain = self.model_dump(mode="json")
        for skill, told in zip(plain["skills"], self.skills, strict=True):
            skill["survives"] = told.survives
        return {"finding": self.finding, "confirmed": self.confirmed, **plain}


def _share(share: float) -> str:
    """Also below 0 and beyond 1."""
    return percent(share) if share >= 0 else f"−{percent(-share)}"
