"""How far a fine-tune was pulled back, what that keeps, and what of its new skill is left."""

from __future__ import annotations

from typing import Any

from corrie.analysis.basin import percent
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.records.canonical import Record
from corrie.records.model import ModelIdentity


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


class Retraction(Record):
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

    def __str__(self) -> str:
        lines = [f"{self.finding}."]
        lines += [f"{line}." for line in (*map(str, self.capabilities), *map(str, self.skills))]
        if self.alpha and not self.confirmed:
            lines.append("Not every capability is confirmed as kept on fresh examples.")
        if self.written:
            lines.append(f"Written to {self.written}.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain data: every field, and the sentence."""
        plain = self.model_dump(mode="json")
        for skill, told in zip(plain["skills"], self.skills, strict=True):
            skill["survives"] = told.survives
        return {"finding": self.finding, "confirmed": self.confirmed, **plain}


def _share(share: float) -> str:
    """Also below 0 and beyond 1."""
    return percent(share) if share >= 0 else f"−{percent(-share)}"
