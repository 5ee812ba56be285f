"""The statement about new examples: its arithmetic against a slow reference, and how often it holds where the
population score is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, xlogy
from scipy.stats import binom

from corrie.analysis.generalisation import Generalisation, PopulationLimit, PopulationScore
from corrie.errors import InputError
from corrie.records.generalisation_spec import GeneralisationSpec
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.records.scan_spec import TaskRequest
from corrie.records.subspace import Coordinates, FullSpace
from corrie.records.task import TaskIdentity
from corrie.stats import betting


def test_it_is_the_two_limits_one_in_the_other() -> None:
    """Against Brent's method on the formula written out."""
    dice = np.random.default_rng(0)
    for _ in range(40):
        scores = dice.integers(10, 20, size=30) / 20
        n, ratio, a, choices = int(dice.integers(20, 400)), float(dice.uniform(0, 3)), 0.05, int(dice.integers(1, 5))
        found = PopulationLimit.of(scores.tolist(), n, ratio, 1 - a, choices)
        q = betting.lower_limit(scores, 1 - a / 2 / choices, anytime=True)
        nats = (ratio**2 / 2 + math.log(2 * math.sqrt(n) * choices / (a / 2))) / n

        def excess(p: float, q: float = q, nats: float = nats) -> float:
            return float(xlogy(q, q / p) + xlogy(1 - q, (1 - q) / (1 - p))) - nats

        assert found.seen == pytest.approx(q)
        assert found.new == pytest.approx(brentq(excess, 1e-12, q), abs=1e-8)


def test_it_falls_with_the_distance_and_grows_with_the_examples() -> None:
    scores = [0.8, 0.85, 0.75, 0.8] * 10
    limit = PopulationLimit.of(scores, 100, 1.0)
    assert 0 < limit.new < limit.seen < 0.8
    assert PopulationLimit.of(scores, 100, 2.0).new < limit.new < PopulationLimit.of(scores, 400, 1.0).new
    assert PopulationLimit.of(scores, 100, 1.0, choices=10).new < limit.new
    assert PopulationLimit.of(scores, 100, 1.0, 0.99).new < limit.new
    assert PopulationLimit.of([0.0] * 5, 100, 1.0) == PopulationLimit(0.0, 0.0)
    assert PopulationLimit.of(scores, 100, 1e9).new == 0.0


def test_it_holds_as_often_as_it_says_for_weights_that_saw_the_examples(holds_as_often_as: Any) -> None:
    """One weight; an example y ~ N(0.5, 1) is answered if |θ − y| ≤ 1; x' is the mean of the examples, prior N(0, σ²).

    The smoothed model's score on the population is known, y − θ being N(0.5 − x', 1 + σ²); its score on the examples is
    known to the tested code only by 12 noise draws, shared by all examples.
    """
    runs, n, draws, sigma = 2000, 30, 12, 0.7
    dice = np.random.default_rng(1)
    examples = dice.normal(0.5, 1.0, (runs, n))
    centre = examples.mean(1)
    theta = centre[:, None] + sigma * dice.normal(size=(runs, draws))
    scores = (np.abs(examples[:, None, :] - theta[:, :, None]) <= 1).mean(2)
    wide = math.sqrt(1 + sigma**2)
    population = ndtr((0.5 - centre + 1) / wide) - ndtr((0.5 - centre - 1) / wide)
    found = [PopulationLimit.of(s, n, abs(c) / sigma, 0.8) for s, c in zip(scores, centre, strict=True)]
    holds_as_often_as(0.8, np.array([f.new for f in found]) <= population)
    smoothed = (ndtr((examples - centre[:, None] + 1) / sigma) - ndtr((examples - centre[:, None] - 1) / sigma)).mean(1)
    seen = np.array([f.seen for f in found])
    holds_as_often_as(0.9, seen <= smoothed)
    assert (scores.mean(1) > smoothed).mean() > 0.3, "the draws' mean would be no limit"
    assert np.mean([f.new for f in found]) > 0.05


def test_a_model_that_learns_by_heart_is_seen_through_by_its_distance(holds_as_often_as: Any) -> None:
    """k = 400 weights, an example is a weight's number and a fair sign, answered if the weight has that sign.

    Whatever was learned by heart, the population score is exactly 1/2. Without the distance the statement would be
    false almost always; with it, it holds.
    """
    runs, n, k, draws, height = 2000, 60, 400, 40, 2.5
    dice = np.random.default_rng(2)
    with_distance, without = np.empty(runs), []
    for run in range(runs):
        number, sign = dice.integers(0, k, n), dice.choice([-1.0, 1.0], n)
        learned = np.zeros(k)
        learned[number] = height * sign
        weights = learned[number] + dice.normal(size=(draws, k))[:, number]  # σ = 1
        scores = (weights * sign > 0).mean(1)
        with_distance[run] = PopulationLimit.of(scores, n, float(np.linalg.norm(learned)), 0.9).new
        if run < 100:
            without.append(PopulationLimit.of(scores, n, 0.0, 0.9).new)
    assert np.mean(np.array(without) > 0.5) > 0.9, "a bound without the distance would be false here"
    holds_as_often_as(0.9, with_distance <= 0.5)


def test_the_worst_order_of_examples_is_covered(holds_as_often_as: Any) -> None:
    """No distance, scores that do not hang on the weights: Ĵ is a binomial share, the case the bound is made for."""
    n, p = 40, 0.6
    seen = np.random.default_rng(3).binomial(n, p, 4000)
    known = {int(k): PopulationLimit.of([k / n] * 2000, n, 0.0, 0.8).new for k in set(seen.tolist())}
    holds_as_often_as(0.8, np.array([known[int(k)] for k in seen]) <= p)
    worst = sum(binom.pmf(k, n, p) for k in range(n + 1) if PopulationLimit.of([k / n] * 500, n, 0.0, 0.8).new > p)
    assert 0 < worst <= 0.2, "and sometimes it fails: the bound is not idle"


@pytest.mark.parametrize("choices", [5, 20, 50])
def test_the_best_of_so_many_statements_holds_as_often_as_one(choices: int, holds_as_often_as: Any) -> None:
    """12 draws that score 0 or 1, true score 0.5, in each of C statements; the one that looks best is believed.

    Every outcome of 12 draws is worked out once, so that a run only looks up C of them. First with so many examples
    that only the draws err, then with 40 examples, whose share of right answers is what the draws estimate.
    """
    draws, runs = 12, 4000
    every = (np.arange(2**draws)[:, None] >> np.arange(draws)) & 1
    dice = np.random.default_rng(choices)

    def limits(examples: int, choices: int) -> np.ndarray:
        return np.array([PopulationLimit.of(s, examples, 0.0, 0.95, choices).new for s in every.astype(float)])

    def best(table: np.ndarray, score: Any) -> np.ndarray:
        outcomes = dice.random((runs, choices, draws)) < score
        return table[outcomes @ (1 << np.arange(draws))].max(1)

    alone, together = limits(10**12, 1), limits(10**12, choices)
    assert (alone[dice.integers(0, 2**draws, 4000)] <= 0.5).mean() > 0.95, "one statement by itself holds"
    assert (best(alone, 0.5) > 0.5).mean() > 0.05, "the best of several, each as if it were the only one, does not"
    holds_as_often_as(0.95, best(together, 0.5) <= 0.5)
    assert (best(together, 0.5) > 0.4).any(), "and they say something"
    seen = dice.binomial(40, 0.5, (runs, choices, 1)) / 40
    holds_as_often_as(0.95, best(limits(40, choices), seen) <= 0.5)


def statement(scores: tuple[float, ...] = (0.8,) * 60, chance: float = 0.25, tasks: int = 1, **more: Any) -> Any:
    known = [
        TaskIdentity(
            name=f"t{i}", capability="toys", source="toy", scoring="choice", chance=chance, size=90, digest="d"
        )
        for i in range(tasks)
    ]
    spec = GeneralisationSpec(
        tasks=tuple(TaskRequest(task=t.id, limit=80) for t in known),
        subspace=FullSpace(),
        sigma=0.5,
        lattice=-17,
        place=Coordinates(subspace="full@1", content="a" * 64, name="tuned"),
        distance=0.75,
        draws=len(scores),
        confidence=0.95,
        **more,
    )
    model = ModelIdentity(
        name="toy", architecture="Toy", fingerprint="f", dtype="float32", parameters=9, selection=SelectionSpec(),
        dimension=9, norm=1.0,
    )  # fmt: skip
    found = tuple(PopulationScore(t, 80, 0.7, 0.9, scores, 1.5, 1 - 0.05 / tasks, spec.choices) for t in known)
    return Generalisation(spec, model, 9, found)


def test_the_sentence_says_all_it_must() -> None:
    said = statement(choices=3).sentence
    for part in (
        "With confidence 0.95 over the examples and 60 independent noise draws together (half of the error for each",
        "about the smoothed model",
        "and not the one model at x'",
        "on the population that the examples come from",
        "(half of the error for each, shared by 3 statements open to choice)",
        "one of at most 3 such statements (fine-tune, subspace and σ) that were open to choice",
        "each task's examples are independent draws from its population",
        "r = 0.75, r/σ = 1.5 (1.13 nats)",
        "the one model at x' 0.9, the unmoved 0.7",
    ):
        assert part in said, part
    assert "shared by 2 tasks" in statement(tasks=2).sentence
    assert "real arithmetic" not in said
    assert "θ0, the subspace and σ were fixed without these examples" in statement().sentence


def test_vacuous_is_said_to_be() -> None:
    found = statement(scores=(0.3,) * 60)
    assert found.verdict == "vacuous"
    assert "VACUOUS, that is chance or below" in str(found)
    assert statement().verdict == "informative"
    assert "VACUOUS" not in str(statement())
    assert statement(tasks=2).tasks[0].lower < statement().tasks[0].lower, "two tasks share the error"


def test_plain_data_and_a_file(tmp_path: Any) -> None:
    import json

    found = statement()
    file = found.write(tmp_path)
    stored = json.loads(file.read_text())
    assert stored == found.to_json()
    assert file.name == f"generalisation-{stored['digest'][:12]}.json"
    task = stored["tasks"][0]
    assert task["lower"] <= found.tasks[0].limit.new < task["smoothed_at_least"] + 1e-4 < task["smoothed_score"]


def test_what_cannot_be_meant() -> None:
    for arguments in (([], 10, 1.0), ([0.5], 0, 1.0), ([1.5], 10, 1.0), ([0.5], 10, -1.0), ([0.5], 10, 1.0, 1.0)):
        with pytest.raises(InputError):
            PopulationLimit.of(*arguments)
