"""What a fine-tune's distance says about examples that nobody has seen: a frozen value, a sentence and a file.

Idea
----
Coordinates x ∈ R^k of a subspace, s(x, z) ∈ [0, 1] the score of example z at θ0 + L x. Prior P = N(0, σ²I_k): fixed
without the n examples z_1 … z_n, which are independent draws from a population D. Posterior Q = N(x', σ²I_k), x' being
anything the examples led to. With r = ‖x'‖₂,

    Ĵ = E_Q mean_j s(x, z_j),        J̄ = E_Q E_{z ~ D} s(x, z),

of which Ĵ is the *smoothed* model's score on the examples, and J̄ the same model's on the population. Let a = 1 −
confidence. Let the statement be one of C that were open to choice (fine-tunes x', subspaces and σ). For T tasks a/T
each, halved again, and shared by the C: e = a/(2TC).

1. *Over the examples*, with probability 1 − e, for all x' at once: kl(Ĵ‖J̄) ≤ (r²/(2σ²) + ln(2√n/e))/n
   (:mod:`corrie.stats.pac_bayes`).
2. *Over the noise*, given the examples and x': M independent draws x' + ε_i have scores in [0, 1] of mean Ĵ. Their
   betting limit L ≤ Ĵ with probability 1 − e, at every M at once (:mod:`corrie.stats.betting`, the form for any time).
   The draws of the C statements are different ones, and the best looking is the luckiest: without C here the best of
   20 would be wrong in up to 40 % of runs where 5 % is promised.
3. The lower inverse kl⁻¹(q; b) = min {p ≤ q : kl(q‖p) ≤ b} grows with q: for q' < q and p = kl⁻¹(q; b), either
   q' ≤ p, or p < q' < q and kl(q'‖p) < kl(q‖p) ≤ b; in both cases kl⁻¹(q'; b) ≤ p.

By the union bound J̄ ≥ kl⁻¹(L; (r²/(2σ²) + ln(2√n/e))/n) for all tasks and all C statements together, with probability
1 − a over examples *and* draws. ∎

*On a lattice* x' and round(ε) are multiples of h, so x' + round(ε) = round(x' + ε): prior and posterior are images of
the two Gaussians under one map, and their divergence is r²/(2σ²) at most (no map increases a divergence).

It holds for an x' that saw the examples; that is its point. One that did not is better judged on them as on any fresh
test. It is about the smoothed model, not the one model at x'. The bound for any weight change
(:mod:`corrie.analysis.certificate`) speaks of fixed examples and *all* x'; this one of one x' and new examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from corrie.analysis.statement import Card, Statement, Terms, Verdict, kept_in
from corrie.analysis.whole_file import write_whole
from corrie.records.canonical import canonical_json
from corrie.records.generalisation_spec import GeneralisationSpec
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.scan_spec import TaskRequest
from corrie.records.sealed import sealed, unsealed
from corrie.records.store import Store
from corrie.records.store_law import task_of
from corrie.records.successes import finished_successes
from corrie.records.task import TaskIdentity
from corrie.stats import betting, pac_bayes
from corrie.stats.gaussian_shift import noise_distance
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.rounding import rounded_down, rounded_up

_TERMS = ("sigma", "lattice", "place", "distance", "draws", "confidence", "choices")
_LATER = {"rows"}  # files of the first version do not have it


@dataclass(frozen=True, slots=True)
class PopulationLimit:
    """Lower limits of a smoothed model's score.

    seen   L, on the examples it was asked
    new    on the population
    """

    seen: float
    new: float

    @classmethod
    def of(
        cls, scores: Sequence[float], examples: int, ratio: float, confidence: float = 0.95, choices: int = 1
    ) -> PopulationLimit:
        """From the scores of independent draws around x', in the order in which they were drawn.

        Args:
            scores: the mean over the examples, one for each draw.
            examples: n.
            ratio: r/σ.
            confidence: of both limits together, for all C statements; half of the error goes to the draws, half to
                the examples.
            choices: C.

        Raises:
            InputError: scores outside [0, 1], no draws or examples, a negative ratio, a confidence outside (0, 1).

        >>> limit = PopulationLimit.of([0.8] * 100, examples=500, ratio=2.0, confidence=0.95)
        >>> round(limit.seen, 3), round(limit.new, 3)
        (0.762, 0.673)
        """
        part = shared_confidence(confidence, 2 * choices)
        seen = max(0.0, betting.lower_limit(scores, part, anytime=True))
        return cls(seen, pac_bayes.lower_limit(seen, examples, ratio, part))


@dataclass(frozen=True)
class PopulationScore:
    """One task's share.

    task        what was asked
    examples    n
    unmoved     score of the model itself on them
    tuned       score of the one model at x' on them
    scores      of each draw around x' on them, in the order of drawing
    ratio       r/σ, rounded up
    confidence  of this task's statement
    choices     C
    """

    task: TaskIdentity
    examples: int
    unmoved: float
    tuned: float
    scores: tuple[float, ...]
    ratio: float
    confidence: float
    choices: int

    @cached_property
    def limit(self) -> PopulationLimit:
        """Lower limits on the examples and on the population."""
        return PopulationLimit.of(self.scores, self.examples, self.ratio, self.confidence, self.choices)

    @property
    def smoothed(self) -> float:
        """Mean over the draws: an estimate of Ĵ, not a bound."""
        return sum(self.scores) / len(self.scores)

    @property
    def lower(self) -> float:
        """J̄ is at least this, rounded down to four digits."""
        return rounded_down(self.limit.new, 4)

    @property
    def verdict(self) -> Verdict:
        """*informative*: above chance. *vacuous*: not."""
        return "informative" if self.lower > self.task.chance else "vacuous"

    def __str__(self) -> str:
        what = (
            f"{self.task.name} ≥ {self.lower:.4g} on new examples (chance {self.task.chance:.3g}; on the "
            f"{self.examples} at hand the smoothed model scores about {self.smoothed:.4g} and at least "
            f"{rounded_down(self.limit.seen, 4):.4g}, the one model at x' {self.tuned:.4g}, the unmoved "
            f"{self.unmoved:.4g})"
        )
        return what if self.verdict == "informative" else f"{what}: VACUOUS, that is chance or below"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "task": self.task.name,
            "capability": self.task.capability,
            "chance": self.task.chance,
            "examples": self.examples,
            "verdict": self.verdict,
            "confidence": self.confidence,
            "lower": self.lower,
            "smoothed_at_least": rounded_down(self.limit.seen, 4),
            "smoothed_score": self.smoothed,
            "tuned_score": self.tuned,
            "unmoved_score": self.unmoved,
            "scores": list(self.scores),
        }


@dataclass(frozen=True)
class Generalisation(Statement):
    """A PAC-Bayes statement about a fine-tuned model.

    spec    what was asked
    model   what was tuned
    dimension   k
    tasks   each task's share, in the order of asking

    >>> import tempfile
    >>> import corrie
    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> place = Path(tempfile.mkdtemp()) / "tuned"
    >>> tuned = corrie.smoothed(toy_model(), ("core:all:1", 0.01)).save(place, seed=1)
    >>> terms = {"subspace": "core:all:1", "sigma": 0.01, "draws": 40, "confidence": 0.9}
    >>> found = corrie.generalise(toy_model(), tuned, [(toy_choice(), 40)], **terms)
    >>> found.verdict
    'informative'
    """

    kind: ClassVar[str] = "generalisation"

    spec: GeneralisationSpec
    model: ModelIdentity
    dimension: int
    tasks: tuple[PopulationScore, ...]

    @classmethod
    def from_store(cls, store: Store, spec: GeneralisationSpec, dimension: int) -> Generalisation:
        """Collect what a run holds.

        Raises:
            RunError: a draw is missing, or a cell is damaged.
        """
        tasks = store.tasks()
        each = shared_confidence(spec.confidence, len(spec.tasks))
        ratio = noise_distance([spec.distance], [spec.sigma])
        found = tuple(
            PopulationScore(
                task=task_of(tasks, request),
                examples=request.limit,
                unmoved=_score(store, spec, Point.origin(), request),
                tuned=_score(store, spec, spec.centre, request),
                scores=tuple(_score(store, spec, spec.point(i), request) for i in range(spec.draws)),
                ratio=ratio,
                confidence=each,
                choices=spec.choices,
            )
            for request in spec.tasks
        )
        return cls(spec, store.identity.model, dimension, found)

    @classmethod
    def found_in(cls, run: RunFolder) -> tuple[Generalisation, ...]:
        """Every statement about new examples in a run folder, made again from the outcomes beside it.

        Raises:
            RunError: a file that is no such statement, or whose outcomes are not there.
        """
        advice = "corrie generalise makes it again from the run's outcomes"
        return kept_in(run, cls.kind, lambda file: cls._kept(run, file), advice)

    @classmethod
    def _kept(cls, run: RunFolder, file: Path) -> Generalisation:
        stated = unsealed(run.read(file), f"statement {file.name}")
        with run.store() as store:
            known = {task.name: task for task in store.tasks()}
            terms = {name: stated[name] for name in _TERMS} | {name: stated[name] for name in _LATER & set(stated)}
            space = {name: value for name, value in stated["subspace"].items() if name not in ("id", "words")}
            requests = [{"task": known[t["task"]].id, "limit": t["examples"]} for t in stated["tasks"]]
            terms |= {"tasks": requests, "subspace": space, "block": store.identity.block}
            return cls.from_store(store, GeneralisationSpec.model_validate(terms), stated["dimension"])

    @property
    def verdict(self) -> Verdict:
        """The worst of the tasks'."""
        return "vacuous" if any(t.verdict == "vacuous" for t in self.tasks) else "informative"

    @property
    def ratio(self) -> float:
        """r/σ."""
        return self.tasks[0].ratio

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the statement rests on, and what it does not say."""
        spec = self.spec
        chosen = (
            "θ0, the subspace and σ were fixed without these examples"
            if spec.choices == 1
            else f"this is one of at most {spec.choices} such statements (fine-tune, subspace and σ) that were open to "
            "choice, and θ0 and their subspaces and σ were fixed without these examples"
        )
        named = [
            chosen,
            "each task's examples are independent draws from its population",
            "an example's score is a function of the weights and of that example"
            + (f" ({spec.rows} draws run as one batch, always of that size)" if spec.rows > 1 else ""),
            "the numbers of the noise law stand for independent normal ones",
            f"rounding to {self.model.dtype} is part of the score",
        ]
        if spec.lattice is None:
            named.append("sums of weights and noise are those of real arithmetic, which floating point only approaches")
        return tuple(named)

    @property
    def title(self) -> str:
        """What a report calls it."""
        return "New examples"

    @property
    def holds(self) -> bool:
        """Whether it says something."""
        return self.verdict == "informative"

    @property
    def finding(self) -> str:
        """What is stated, in one line."""
        about = f" after {self.spec.place.name}" if self.spec.place.name else ""
        silent = " and ".join(t.task.name for t in self.tasks if t.verdict == "vacuous")
        if silent:
            return f"VACUOUS: about new examples of {silent} nothing above chance is certain{about}"
        kept = " and ".join(f"at least {t.lower:.4g} of {t.task.name} (chance {t.task.chance:.3g})" for t in self.tasks)
        return f"on new examples the smoothed model scores {kept}{about}"

    @property
    def says(self) -> tuple[str, ...]:
        """The distance, and each task's numbers."""
        return (self._distance, *map(str, self.tasks))

    @property
    def _distance(self) -> str:
        r, nats = rounded_up(self.spec.distance, 4), rounded_up(self.ratio**2 / 2, 3)
        return f"at r = {r:g}, r/σ = {rounded_up(self.ratio, 3):g} ({nats:g} nats)"

    @property
    def terms(self) -> Terms:
        """What the statement rests on."""
        spec = self.spec
        sharing = [f"{len(spec.tasks)} tasks"] * (len(spec.tasks) > 1)
        sharing += [f"{spec.choices} statements open to choice"] * (spec.choices > 1)
        many = f", shared by {' and '.join(sharing)}" if sharing else ""
        lattice = "" if spec.lattice is None else f", rounded to multiples of 2^{spec.lattice}"
        where = f"{spec.place.name} (x')" if spec.place.name else "x'"
        return Terms(
            confidence=f"{spec.confidence:.6g}",
            randomness=f"the examples and {spec.draws} independent noise draws together (half of the error for "
            f"each{many})",
            object=f"the smoothed model, which is {self.model.name} in {self.model.dtype} with {self.dimension:,} "
            f"coordinates in {spec.subspace} drawn afresh around {where} from N(x', σ²), σ = {spec.sigma:g}{lattice}, "
            "each time it is asked, and not the one model at x', on the population that the examples come from",
            assumptions=self.assumptions,
        )

    @property
    def sentence(self) -> str:
        """All of it in one sentence, for quoting."""
        return f"{self.terms.conditions}: {self._distance}, {'; '.join(map(str, self.tasks))}."

    @property
    def cards(self) -> tuple[Card, ...]:
        """Each task's numbers."""
        return tuple(Card(t.task.name, t.verdict, (str(t),)) for t in self.tasks)

    def to_json(self) -> dict[str, Any]:
        """Plain data, and a hash of it."""
        spec = self.spec
        made: dict[str, Any] = {
            "format": "corrie-generalisation-1",
            "sentence": self.sentence,
            "verdict": self.verdict,
            "confidence": spec.confidence,
            "sigma": spec.sigma,
            "lattice": spec.lattice,
            "distance": spec.distance,
            "ratio": self.ratio,
            "choices": spec.choices,
            "draws": spec.draws,
            "block": spec.block,
            "rows": spec.rows,
            "first_seed": spec.first,
            "subspace": spec.subspace.model_dump(mode="json") | {"id": spec.subspace.id, "words": str(spec.subspace)},
            "dimension": self.dimension,
            "place": spec.place.model_dump(mode="json"),
            "object": "the smoothed model",
            "assumptions": list(self.assumptions),
            "model": self.model.model_dump(mode="json"),
            "tasks": [t.to_json() for t in self.tasks],
        }
        return sealed(made)

    def write(self, folder: Path) -> Path:
        """Put it into a folder as a file, whole or not at all.

        Raises:
            StorageError: the disk refuses.
        """
        text = canonical_json(self.to_json()) + "\n"
        return write_whole(self.file_in(folder), lambda place: place.write_text(text, encoding="utf-8"))

    def file_in(self, folder: Path) -> Path:
        """Where :meth:`write` puts it."""
        return folder / f"generalisation-{self.to_json()['digest'][:12]}.json"


def _score(store: Store, spec: GeneralisationSpec, point: Point, request: TaskRequest) -> float:
    """J at a point: the mean over the examples, unscored ones counting 0."""
    found = [success or 0.0 for success in finished_successes(store, spec.scan, point, request, str(spec))]
    return sum(found) / len(found)
