"""What a run says about most directions: a claim with its probability, randomness, object and assumptions.

Idea
----
Let p be the probability that a random direction δ ~ N(0, I_d) is *good*: every task keeps its score at θ0 + σδ
(:mod:`corrie.analysis.kept_score`). Draws are independent and each is good or not, exactly, so their outcomes are
Bernoulli(p), and a design fixed beforehand (:class:`corrie.stats.PlannedFraction`,
:class:`corrie.stats.AnytimeFraction`) says "p ≥ f", or any other lower limit of p, wrongly with probability at most
1 − confidence. With one event for each direction, several tasks need no union: they are kept *together* along a
fraction f of all directions.

A direction that was begun is a draw whatever came of it; the order is that of the seeds, and what lies beyond the draw
at which the design stopped is not looked at. A claim that is not reached says what the draws so far do support.

Source: Chen et al., arXiv 2505.17646 (Clopper–Pearson claims about directions); stopping rules: :mod:`corrie.stats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from corrie.analysis.kept_score import SLACK, KeptScore
from corrie.analysis.statement import Card, Chart, Line, Statement, Terms
from corrie.errors import RunError
from corrie.records.fraction_spec import FractionSpec
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.store import Store
from corrie.records.store_law import realised_at, task_of
from corrie.records.successes import stored_successes
from corrie.stats.fraction_verdict import FractionStatus, FractionVerdict
from corrie.stats.rounding import rounded_down


@dataclass(frozen=True, slots=True)
class FractionClaim(Statement):
    """A claim about most directions and where it stands.

    spec      what was asked, fixed before the first draw
    model     what was moved
    kept      what each task must keep
    verdict   where the claim stands after the draws so far
    cosine    the smallest cosine, over the draws, between the step asked for and the one the weights took; None before
              the first draw
    sharing   how many claims this run was asked, this one included
    outcomes  of each draw that was looked at: whether it was good

    Printing it gives the whole statement. ``holds`` is True only when the claim is reached.

    >>> import corrie
    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> claim = corrie.fraction(toy_model(), [(toy_choice(), 10)], sigma=1.0, at_least=0.5, confidence=0.9)
    >>> claim.holds, claim.supported
    (False, 0.0)
    >>> print(claim.finding)  # doctest: +ELLIPSIS
    not shown that at least 0.5 of all directions keep toy: 0 of 1 draws did, and the zero-failure design ends ...
    """

    kind: ClassVar[str] = "fraction"
    many: ClassVar[str] = "claims"

    spec: FractionSpec
    model: ModelIdentity
    kept: tuple[KeptScore, ...]
    verdict: FractionVerdict
    cosine: float | None
    sharing: int
    outcomes: tuple[bool, ...] = ()

    @classmethod
    def from_store(cls, store: Store, spec: FractionSpec) -> Self:
        """Judge a claim on the draws that a run holds.

        Raises:
            RunError: the run was never asked this claim, a cell is damaged, or the unmoved model is not scored yet.
        """
        claims = [claim for claim, _ in store.claims()]
        if spec not in claims:
            raise RunError(f"the claim {spec}", found="this run was never asked it", advice="corrie fraction")
        tasks = store.tasks()
        kept = []
        for request in spec.tasks:
            task = task_of(tasks, request)
            before = stored_successes(store, spec.scan, Point.origin(), request)
            if before is None:
                raise RunError(f"the claim {spec}", found="the unmoved model is not scored yet", advice="it again")
            kept.append(KeptScore(task, before, spec.tolerance))
        outcomes: list[bool] = []
        while True:
            point = spec.point(len(outcomes))
            found = [stored_successes(store, spec.scan, point, request) for request in spec.tasks]
            scored = [successes for successes in found if successes is not None]
            if len(scored) < len(found):
                break
            outcomes.append(all(k.keeps(successes) for k, successes in zip(kept, scored, strict=True)))
        verdict = spec.rule.judge(outcomes)
        points = store.points()
        moved = [realised_at(points, spec.point(i).id)[1] for i in range(verdict.draws)]
        cosines = [realised.cosine for realised in moved if realised.cosine is not None]
        looked = tuple(outcomes[: verdict.draws])
        return cls(spec, store.identity.model, tuple(kept), verdict, min(cosines, default=None), len(claims), looked)

    @classmethod
    def all_of(cls, store: Store) -> tuple[Self, ...]:
        """Every claim that a run was asked, oldest first."""
        return tuple(cls.from_store(store, spec) for spec, _ in store.claims() if isinstance(spec, FractionSpec))

    @classmethod
    def found_in(cls, run: RunFolder) -> tuple[Self, ...]:
        """Every claim that was asked of a run folder."""
        if not run.has_store:
            return ()
        with run.store() as store:
            return cls.all_of(store)

    @property
    def status(self) -> FractionStatus:
        """holds; fails: this design can no longer reach the claim; open: more draws may."""
        return self.verdict.status

    @property
    def holds(self) -> bool:
        """Whether the claim is reached."""
        return self.status == "holds"

    @property
    def supported(self) -> float:
        """The fraction that the draws so far support at the claim's confidence, rounded down to four digits."""
        return rounded_down(self.verdict.lower, 4)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the claim rests on and what it does not say."""
        named = [
            "the claim was chosen before anyone looked along its directions",
            "the numbers of the noise law stand for independent normal ones",
            "it speaks of these examples, of this σ and of random directions: not of others, nor of directions that "
            "were searched for",
        ]
        if self.model.dtype != "float32":
            named.append(f"rounding the moved weights to {self.model.dtype} is part of the score")
        if self.sharing > 1:
            together = max(0.0, 1 - self.sharing * (1 - self.spec.confidence))
            named.append(
                f"this run was asked {self.sharing} claims, each with an error of its own (if all have this "
                f"confidence, all hold together with confidence {together:.4g} only)"
            )
        return tuple(named)

    @property
    def finding(self) -> str:
        """What the draws say, without the conditions."""
        v, names = self.verdict, " and ".join(kept.task.name for kept in self.kept)
        claim = f"at least {v.fraction:.6g} of all directions keep {names}"
        seen = f"{v.good} of {v.draws} draws did"
        if v.status == "holds":
            return f"{claim}; {seen}"
        supported = f"with the same confidence the draws support {f'at least {self.supported:g}' if v.good else 'none'}"
        if v.status == "fails":
            return f"not shown that {claim}: {seen}, and the {self.spec.design} design ends there; {supported}"
        return f"not yet shown that {claim}: {seen} ({v.remaining} more good ones would show it); {supported}"

    @property
    def title(self) -> str:
        """What a report calls it."""
        return "Most directions"

    @property
    def terms(self) -> Terms:
        """What the claim rests on."""
        return Terms(
            confidence=f"{self.spec.confidence}",
            randomness="the choice of the directions (independent, each number of δ from N(0, 1))",
            object=f"{self.model.name} in {self.model.dtype} moved to θ0 + σδ, σ = {self.spec.sigma:g} (L2 about "
            f"{self.model.distance(self.spec.sigma):.3g}), where kept means {self._kept}",
            assumptions=self.assumptions,
        )

    @property
    def _kept(self) -> str:
        return "; ".join(
            f"{k.task.name} ≥ {rounded_down(k.least + SLACK, 4):g} (unmoved {k.score:.4g}, chance "
            f"{k.task.chance:.3g}) on the same {k.examples} examples, {k.losable or 'none'} of which may be lost on "
            "balance"
            for k in self.kept
        )

    @property
    def sentence(self) -> str:
        """All of it in one sentence, for quoting."""
        terms = self.terms
        return (
            f"With confidence {terms.confidence} over the random choice of the directions (independent, each "
            f"number of δ from N(0, 1)), about {terms.object}, assuming that {'; that '.join(terms.assumptions)}: "
            f"{self.finding}."
        )

    @property
    def cards(self) -> tuple[Card, ...]:
        """The draws, one after the other."""
        drawn = range(1, len(self.outcomes) + 1)
        good = tuple(sum(self.outcomes[:n]) / n for n in drawn)
        chart = Chart(
            title="Share of good directions among the draws so far",
            across="draws",
            up="share of good directions",
            lines=(Line("good so far", tuple(map(float, drawn)), good),),
            level=(self.verdict.fraction, "claimed"),
        )
        facts = (
            ("Draws", f"{self.verdict.good} of {self.verdict.draws} good"),
            ("Supported", f"at least {self.supported:g} of all directions"),
            ("Design", f"{self.spec.design}, fixed before the first draw"),
        )
        names = " and ".join(kept.task.name for kept in self.kept)
        return (Card(names, self.status, facts=facts, chart=chart if self.outcomes else None),)

    def to_json(self) -> dict[str, Any]:
        """Plain data: the claim, what was seen, and the sentence."""
        v = self.verdict
        return {
            "status": v.status,
            "holds": self.holds,
            "sentence": self.sentence,
            "finding": self.finding,
            "assumptions": list(self.assumptions),
            "at_least": v.fraction,
            "confidence": v.confidence,
            "supported": self.supported,
            "good": v.good,
            "draws": v.draws,
            "remaining": v.remaining,
            "design": self.spec.design,
            "planned": self.spec.draws,
            "sigma": self.spec.sigma,
            "l2": self.model.distance(self.spec.sigma),
            "smallest_cosine": self.cosine,
            "tolerance": self.spec.tolerance,
            "first_seed": self.spec.first,
            "claims_asked_of_this_run": self.sharing,
            "tasks": [
                {
                    "task": k.task.name,
                    "capability": k.task.capability,
                    "score": k.score,
                    "chance": k.task.chance,
                    "least": k.least,
                    "losable": k.losable,
                    "examples": k.examples,
                }
                for k in self.kept
            ],
            "model": self.model.model_dump(mode="json"),
        }
