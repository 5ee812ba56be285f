"""What noise draws on prompts promise about every changed prompt: a bound with its object, randomness and assumptions.

The statement
-------------
Prompt j has T_j own tokens x_j (:mod:`corrie.inputs.prompts`). One noise draw turns them into Z_j: every position
independently, by a token kernel or by Gaussian noise on its vector. The outcome h_j(Z_j) ∈ {0, 1} is a function of the
noised prompt alone: the options are read after it, clean, and one is chosen. The *object* is the smoothed score

    J̄ = (1/m) Σ_j p_j,      p_j = P(h_j(Z_j) = 1),

of the model read through the noise, not of the model without it. A change gives every prompt x'_j of as many tokens: up
to d of them replaced by any others, or vectors E x_j + Δ_j with ‖Δ_j‖_F ≤ r over all positions of the prompt. It may be
chosen for each prompt by itself, knowing everything, also these draws. Then

    J̄' ≥ Σ_G (|G|/m) g(L_G)   for all d (or r) at once, with the confidence over the draws,

g the knapsack bound of the kernel at d (:mod:`corrie.stats.token_kernels`) or Φ(Φ⁻¹(·) − r/σ), and L_G the lower limits
of groups of examples that other draws have chosen (:mod:`corrie.stats.grouped_score`, with the proof).

Proof that the pieces fit. Fix the model, the prompts and the spec; then h_j is a fixed function. Token kernels: Z_j and
Z'_j have the laws P and Q of :mod:`corrie.stats.token_kernels`. Gaussian: Z_j = E x_j + ε_j with ε_j ~ N(0, σ²I) in
R^(T_j n), Z'_j the same shifted by Δ_j, ‖Δ_j‖_F ≤ r, and :mod:`corrie.stats.gaussian_shift` holds for every
[0, 1]-valued function of them. Equal ids at two positions have noise of their own each, so no condition on repeated
tokens is needed (:mod:`corrie.inputs.replacement`), and a replaced token is a change of r = ‖E_b − E_a‖ at its place.
Either way p'_j ≥ g(p_j). The unit of observation is one example on one draw: all of them are independent, for each has
noise of its own. ∎

*Which prompts*: with the same confidence (by itself), example j is right with probability 1/2 or more after the change
if g(p_j) ≥ 1/2 at its own Clopper–Pearson limit with a union over the m examples (:mod:`corrie.stats.per_example`).

*Why not the law of the score* (:mod:`corrie.stats.score_law`). It judges one function of one noise. Over all prompts'
noise together a change of r on each of m prompts has norm r√m, and nothing would be left; with one noise shared by all
prompts it would cover a single Δ added to all of them, and n values instead of n·m would be observed.

*Verdict*: informative if the bound at the change that was asked about lies above chance; vacuous if not; abstained if
not even the unattacked smoothed score is sure to lie above chance, so that there is nothing to certify.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from corrie.analysis.statement import Card, Chart, Line, Statement, Table, Terms, Verdict, kept_in
from corrie.errors import InputError
from corrie.records.input_draws import InputDraws, specs_drawn
from corrie.records.input_spec import InputSpec, check_change
from corrie.records.model import ModelIdentity
from corrie.records.run_folder import RunFolder
from corrie.records.sealed import unsealed
from corrie.records.task import TaskIdentity
from corrie.stats.bisection import last_holding
from corrie.stats.gaussian_kernel import GaussianKernel
from corrie.stats.grouped_score import GroupedScore, choose_groups
from corrie.stats.per_example import PerExample
from corrie.stats.rounding import rounded_down

HALF = 0.5
_RATIOS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""r/σ at which a table of embedding changes is given."""

MOST_ROWS = 12

_LONGEST = 2**24
"""Tokens that no prompt has."""


@dataclass(frozen=True, slots=True)
class InputCertificate(Statement):
    """What is certain about changed prompts, and where it ends.

    spec      what was fixed before the draws
    model     what was asked
    task      the benchmark
    change    the change it is judged at: replaced tokens of each prompt, or L2 norm over each prompt
    ids       of the examples
    lengths   own tokens of each
    clean     outcome of each without noise
    grouped   limits of the mean
    each      limits of every example
    nearest   for embeddings: the median distance from an own token's vector to the nearest other row of the table
    sharing   specs that have drawn in this run folder, this one included

    Printing it gives the whole statement.
    """

    kind: ClassVar[str] = "inputs"
    many: ClassVar[str] = "inputs"

    spec: InputSpec
    model: ModelIdentity
    task: TaskIdentity
    change: float
    ids: tuple[str, ...]
    lengths: tuple[int, ...]
    clean: tuple[float, ...]
    grouped: GroupedScore
    each: PerExample
    nearest: float | None = None
    sharing: int = 1

    @classmethod
    def of(
        cls,
        spec: InputSpec,
        model: ModelIdentity,
        task: TaskIdentity,
        change: float,
        *,
        ids: tuple[str, ...],
        lengths: tuple[int, ...],
        clean: tuple[float, ...],
        selection: list[tuple[float, ...]],
        draws: list[tuple[float, ...]],
        nearest: float | None = None,
        sharing: int = 1,
    ) -> InputCertificate:
        """Judge the draws of a spec.

        Raises:
            InputError: a change that is not valid, or not as many draws as the spec says.
        """
        check_change(spec.noise, change)
        if (len(selection), len(draws)) != (spec.selection, spec.draws):
            raise InputError(
                f"a certificate from {spec.selection} + {spec.draws} draws", found=f"{len(selection)} + {len(draws)}"
            )
        grouped = GroupedScore.of(draws, choose_groups(selection), spec.confidence)
        each = PerExample.of(draws, spec.confidence)
        return cls(spec, model, task, change, ids, lengths, clean, grouped, each, nearest, sharing)

    @classmethod
    def found_in(cls, run: RunFolder) -> tuple[InputCertificate, ...]:
        """Every certificate about changed inputs in a run folder, made again from the draws beside it.

        Raises:
            RunError: a file that is no such certificate, or draws that are not there.
        """
        advice = "corrie inputs makes it again from the draws in the run folder"
        return kept_in(run, cls.kind, lambda file: cls._kept(run, file), advice)

    @classmethod
    def _kept(cls, run: RunFolder, file: Path) -> InputCertificate:
        stated = unsealed(run.read(file), f"certificate {file.name}", "certificate")
        spec = InputSpec.model_validate(stated["spec"])
        draws = InputDraws.found_in(run, spec)
        if draws.missing:
            raise ValueError(f"{draws.missing} of its draws are not in the run folder")
        lengths = tuple(example["own_tokens"] for example in stated["examples"])
        if len(lengths) != len(draws.ids) or not all(type(n) is int and 0 <= n < _LONGEST for n in lengths):
            raise ValueError("its prompts are not those of its draws")
        return cls.of(
            spec,
            ModelIdentity.model_validate(stated["model"]),
            TaskIdentity.model_validate(stated["task"]),
            stated["change"],
            ids=draws.ids,
            lengths=lengths,
            clean=draws.clean,
            selection=draws.selection,
            draws=draws.certifying,
            nearest=stated["nearest_other_token"],
            sharing=_sharing(run),
        )

    def bound(self, change: float) -> float:
        """What the smoothed score is sure to be after a change of this size in every prompt."""
        return self.grouped.lower(lambda score: self._lower(score, change))

    def held(self, change: float) -> tuple[bool, ...]:
        """Which examples are sure to be right with probability 1/2 or more after it."""
        return tuple(
            self._lower(low, min(change, length) if self.spec.noise.counts else change) >= HALF
            for low, length in zip(self.each.low, self.lengths, strict=True)
        )

    @property
    def verdict(self) -> Verdict:
        """At the change that was asked about."""
        if self.bound(0) <= self.task.chance:
            return "abstained"
        return "informative" if self.bound(self.change) > self.task.chance else "vacuous"

    @property
    def reach(self) -> float | None:
        """The largest change after which the bound lies above chance, rounded down; None where it never does."""
        if self.verdict == "abstained":
            return None
        if not self.spec.noise.counts:
            return last_holding(lambda r: self.bound(r) > self.task.chance, 0.0, 80 * self.spec.noise.level)
        return max(d for d in range(max(self.lengths) + 1) if self.bound(d) > self.task.chance)

    @property
    def table(self) -> tuple[tuple[float, float, int], ...]:
        """(change, bound, examples held) for a few changes, the one that was asked about among them."""
        if self.spec.noise.counts:
            changes = {float(d) for d in range(min(max(self.lengths), MOST_ROWS) + 1)}
        else:
            changes = {0.0} | {ratio * self.spec.noise.level for ratio in _RATIOS}
        rows = [(c, self.bound(c), sum(self.held(c))) for c in sorted(changes | {float(self.change)})]
        last = max((i for i, (_, bound, held) in enumerate(rows) if bound or held), default=0)
        asked = next(i for i, row in enumerate(rows) if row[0] == self.change)
        return tuple(rows[: max(last, asked) + 2])

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What it rests on and what it does not say."""
        named = [
            "the kernel and the examples were chosen before anyone saw these draws",
            "the numbers of the noise law stand for independent ideal ones",
            "an outcome does not depend on what else is computed in the same row",
            "changed prompts have as many tokens as these, and any ids",
        ]
        if not self.spec.noise.counts:
            named.append("the sum of vector and noise is exact, rounding it being part of the score")
        if self.sharing > 1:
            together = max(0.0, 1 - self.sharing * (1 - self.spec.confidence))
            named.append(
                f"this folder holds the draws of {self.sharing} certificates, each with an error of its own (if all "
                f"have this confidence, all hold together with confidence {together:.4g} only)"
            )
        return tuple(named)

    @property
    def title(self) -> str:
        """What a report calls it."""
        return "Changed inputs"

    @property
    def holds(self) -> bool:
        """Whether it says something."""
        return self.verdict == "informative"

    @property
    def finding(self) -> str:
        """What is certain at the change that was asked about, in one line."""
        name, chance = self.task.name, f"{self.task.chance:.3g}"
        if self.verdict == "abstained":
            return f"ABSTAINED: nothing is certain about {name} read through this noise, not even without any change"
        if self.verdict == "vacuous":
            return f"VACUOUS: after {self._change} nothing above chance ({chance}) is certain about {name}"
        bound = rounded_down(self.bound(self.change), 3)
        return f"read through the noise, {name} keeps at least {bound:g} (chance {chance}) after {self._change}"

    @property
    def says(self) -> tuple[str, ...]:
        """What was seen, and how many prompts are safe by themselves."""
        start, held = rounded_down(self.bound(0), 3), sum(self.held(self.change))
        before = f"before any change the mean success under the noise is at least {start:g} (seen {self._seen():.3g})"
        if self.verdict == "abstained":
            return (f"{before}, which is not above chance ({self.task.chance:.3g})",)
        near = (
            ""
            if self.nearest is None
            else f"; the nearest other token is {self.nearest:.3g} away in the median of the prompts' tokens"
        )
        return (
            f"{before}{near}",
            f"{held} of {len(self.ids)} prompts are sure to stay right with probability 1/2 or more",
        )

    @property
    def terms(self) -> Terms:
        """What it rests on."""
        s, low, high = self.spec, min(self.lengths), max(self.lengths)
        fixed = f"; the {s.before} tokens before and {s.after} after them that all prompts share stay as they are"
        return Terms(
            confidence=f"{s.confidence:g}",
            randomness=f"{s.draws} noise draws (on each, {self._noise()}, independently)",
            object=f"{self.model.name} in {self.model.dtype} read through this noise, which without it has "
            f"{sum(self.clean) / len(self.clean):.3g}, on the first {len(self.ids)} examples of {self.task.name} "
            f"({low if low == high else f'{low} to {high}'} own tokens each{fixed if s.before or s.after else ''})",
            assumptions=self.assumptions,
        )

    @property
    def sentence(self) -> str:
        """All of it in one sentence, for quoting."""
        return f"{self.terms.conditions}: {self._told}."

    @property
    def _told(self) -> str:
        """The finding with all its figures, as the sentence has it."""
        chance, start = self.task.chance, rounded_down(self.bound(0), 3)
        if self.verdict == "abstained":
            return (
                f"nothing is certified (abstained): under this noise the mean success is only sure to be {start:g} "
                f"before any change (seen {self._seen():.3g}), which is not above chance ({chance:.3g})"
            )
        bound, held = rounded_down(self.bound(self.change), 3), sum(self.held(self.change))
        against = f"{'' if self.verdict == 'informative' else 'not '}above chance ({chance:.3g})"
        near = (
            "" if self.nearest is None else f", where the nearest other token is {self.nearest:.3g} away in the median"
        )
        return (
            f"after {self._change}{near}, the mean success under the noise is at least {bound:g}, {against}: "
            f"{self.verdict} (before any change it is at least {start:g}; seen {self._seen():.3g}); {held} of "
            f"{len(self.ids)} prompts are sure to stay right with probability 1/2 or more"
        )

    @property
    def cards(self) -> tuple[Card, ...]:
        """The bound over the size of a change."""
        across = "tokens replaced in each prompt" if self.spec.noise.counts else "L2 norm over each prompt"
        changes, bounds = zip(*((change, bound) for change, bound, _ in self.table), strict=True)
        chart = Chart(
            title=f"Bound of {self.task.name} over the size of a change",
            across=across,
            up="mean success under the noise, at least",
            lines=(Line("certain at least", changes, bounds),),
            level=(self.task.chance, "chance"),
            mark=(float(self.change), "asked about"),
        )
        return (Card(self.task.name, self.verdict, self.says, chart=chart),)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The same as numbers."""
        what = "tokens replaced" if self.spec.noise.counts else "L2 norm"
        rows = tuple((f"{c:.4g}", f"{rounded_down(b, 3):.3g}", f"{h} of {len(self.ids)}") for c, b, h in self.table)
        return (Table("What is certain", (what, "score at least", "prompts held"), rows),)

    @property
    def rows(self) -> str:
        """The table as lines of text."""
        what = "tokens replaced" if self.spec.noise.counts else "L2 norm"
        lines = [f"{what:>15}  {'score at least':>14}  prompts held"]
        lines += [f"{c:>15.4g}  {rounded_down(b, 3):>14.3g}  {h} of {len(self.ids)}" for c, b, h in self.table]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain data: the spec, what was seen, what is certain, and the sentence. Ids and numbers only."""
        reach = self.reach
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "finding": self.finding,
            "assumptions": list(self.assumptions),
            "spec": self.spec.model_dump(mode="json"),
            "spec_id": self.spec.id,
            "model": self.model.model_dump(mode="json"),
            "task": self.task.model_dump(mode="json"),
            "unit": "tokens replaced in each prompt" if self.spec.noise.counts else "L2 norm over each prompt",
            "change": self.change,
            "bound": self.bound(self.change),
            "chance": self.task.chance,
            "reach": reach,
            "unnoised": sum(self.clean) / len(self.clean),
            "smoothed": {"seen": self._seen(), "low": self.bound(0)},
            "nearest_other_token": self.nearest,
            "table": [
                {"change": c, "bound": b, "prompts_held": h, "share_held": h / len(self.ids)} for c, b, h in self.table
            ],
            "groups": {
                "sizes": list(self.grouped.sizes),
                "means": list(self.grouped.means),
                "low": list(self.grouped.low),
            },
            "examples": [
                {
                    "id": id,
                    "own_tokens": length,
                    "unnoised": clean,
                    "successes": successes,
                    "low": low,
                    "held_up_to": self._held_up_to(low, length),
                }
                for id, length, clean, successes, low in zip(
                    self.ids, self.lengths, self.clean, self.each.successes, self.each.low, strict=True
                )
            ],
            "certificates_in_this_folder": self.sharing,
        }

    def _lower(self, score: float, change: float) -> float:
        kernel = self.spec.kernel
        return kernel.lower(score, change) if isinstance(kernel, GaussianKernel) else kernel.lower(score, int(change))

    def _held_up_to(self, low: float, length: int) -> float | None:
        """The largest change after which one example is sure to be right half of the time."""
        kernel = self.spec.kernel
        if isinstance(kernel, GaussianKernel):
            return kernel.within(low, HALF)
        held = [d for d in range(length + 1) if kernel.lower(low, d) >= HALF]
        return max(held, default=None)

    def _seen(self) -> float:
        sizes, means = self.grouped.sizes, self.grouped.means
        return sum(size * mean for size, mean in zip(sizes, means, strict=True)) / sum(sizes)

    def _noise(self) -> str:
        n = self.spec.noise
        if n.kind == "absorbing":
            return f"each own token of each prompt becomes token {self.spec.mask} with probability {n.level:g}"
        if n.kind == "uniform":
            others = f"each of the {self.spec.vocabulary - 1} others as likely"
            return f"each own token of each prompt becomes another one with probability {n.level:g}, {others}"
        return f"the vector of each own token of each prompt gets N(0, {n.level:g}²) noise in each coordinate"

    @property
    def _change(self) -> str:
        if self.spec.noise.counts:
            many = f"any {self.change:g} own tokens" if self.change != 1 else "any one own token"
            return f"replacing {many} of every prompt by any others"
        ratio = self.change / self.spec.noise.level
        return (
            f"any change of L2 norm up to {self.change:.4g} (r/σ = {ratio:.3g}) of the vectors of every prompt's own "
            "tokens together"
        )


def _sharing(run: RunFolder) -> int:
    """How many specs have drawn in a run folder."""
    if not run.has_store:
        return len(specs_drawn(None, run.path))
    with run.store() as store:
        return len(specs_drawn(store, run.path))
