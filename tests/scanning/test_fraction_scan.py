"""Claims about most directions on toy models: what is drawn, what is continued, what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import corrie
from corrie.analysis.fraction_claim import FractionClaim
from corrie.analysis.landscape import Landscape
from corrie.errors import InputError, RunError
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.fraction_scan import FractionScan
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Nobody
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint

SAFE, EDGE, FAR = 1e-4, 0.005, 1.0
"""Where a toy keeps everything, something, and nothing."""


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def claim_of(model: Model, sigma: float = SAFE, names: str = "ab", limit: int = 15, **terms) -> FractionScan:
    wanted = {"at_least": 0.7, "confidence": 0.9, **terms}
    tasks = [(toy_choice(model, name=n), limit) for n in names]
    return FractionScan.of(model, tasks, sigma=sigma, **wanted)


class StopAfter(Nobody):
    """Presses Ctrl-C after so many cells."""

    def __init__(self, cells: int) -> None:
        self.left = cells

    def acknowledges(self, cell: Cell) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_deep_in_the_basin_the_claim_is_made_with_the_planned_draws(model: Model) -> None:
    before = model_fingerprint(model.module)
    prepared = claim_of(model)
    store = MemoryStore(prepared.identity)
    claim = prepared.run(store)
    assert (claim.status, claim.verdict.draws, claim.spec.draws) == ("holds", 7, 7)
    assert len(store.keys()) == (1 + 7) * 2 * 2, "the unmoved model once, each direction once, blocks whole"
    alphas = {s.alpha for point, _ in store.points().values() for s in point.steps}
    assert alphas == {SAFE}
    assert model_fingerprint(model.module) == before


def test_far_out_the_first_failure_ends_it(model: Model) -> None:
    prepared = claim_of(model, FAR)
    store = MemoryStore(prepared.identity)
    claim = prepared.run(store)
    assert (claim.status, claim.verdict.good, claim.verdict.draws, claim.supported) == ("fails", 0, 1, 0.0)
    assert len(store.points()) == 2


def test_a_direction_is_good_if_every_task_is_kept(model: Model) -> None:
    """Against a slow reference: the scores of the cells, by hand."""
    prepared = claim_of(model, EDGE, failures=None, at_least=0.5, tolerance=0.1)
    store = MemoryStore(prepared.identity)
    claim = prepared.run(store, draws=12)
    good = []
    for i in range(claim.verdict.draws):
        shares = []
        for request in prepared.claim.tasks:
            j = []
            for point in (Point.origin(), prepared.claim.point(i)):
                cells = [store.get(k) for k in sorted(store.keys()) if k[:2] == (point.id, request.task)]
                j.append(np.mean([o.success for c in cells for o in c.outcomes][: request.limit]))
            shares.append((j[1] - 0.25) / (j[0] - 0.25))
        good.append(min(shares) >= 0.9)
    assert sum(good) == claim.verdict.good
    assert 0 < sum(good) < len(good), "the edge has both kinds of directions"
    alone = [claim_of(model, EDGE, n, failures=None, at_least=0.5, tolerance=0.1, first=claim.spec.first) for n in "ab"]
    counts = [one.run(MemoryStore(one.identity), draws=len(good)).verdict.good for one in alone]
    assert sum(good) <= min(counts)


@pytest.mark.parametrize("failures", [0, None])
def test_an_interrupted_claim_continues_to_the_same_end(model: Model, tmp_path: Path, failures: int | None) -> None:
    prepared = claim_of(model, failures=failures)
    whole = MemoryStore(prepared.identity)
    expected = prepared.run(whole)
    before = model_fingerprint(model.module)
    stops = 0
    for cells in (1, 2, 4, 6, 5):
        with SqliteStore.create_or_open(tmp_path / "run", prepared.identity) as store:
            with pytest.raises(KeyboardInterrupt):
                prepared.run(store, watch=StopAfter(cells))
            stops += cells
            assert len(store.keys()) == stops, "nothing lost, nothing repeated"
            assert bool(store.claims()) == (stops > 4), "fixed after the unmoved model and before the first draw"
        assert model_fingerprint(model.module) == before
    for _ in range(2):
        with SqliteStore.create_or_open(tmp_path / "run", prepared.identity) as store:
            assert prepared.run(store) == expected
            assert {c.key: c.payload() for c in store.cells()} == {c.key: c.payload() for c in whole.cells()}


def test_draws_in_portions_end_where_one_run_ends(model: Model) -> None:
    prepared = claim_of(model, names="a", limit=10)
    store = MemoryStore(prepared.identity)
    part = prepared.run(store, draws=3)
    assert (part.status, part.verdict.draws, part.verdict.remaining, part.holds) == ("open", 3, 4, False)
    assert part.supported == pytest.approx(0.1 ** (1 / 3), abs=1e-3)
    assert prepared.run(store) == prepared.run(MemoryStore(prepared.identity))
    with pytest.raises(InputError, match="nothing would be looked at"):
        prepared.run(store, draws=0)


def test_the_design_cannot_be_chosen_after_the_fact(model: Model, tmp_path: Path) -> None:
    failed = claim_of(model, FAR)
    with SqliteStore.create_or_open(tmp_path, failed.identity) as store:
        assert failed.run(store).status == "fails"
        had = store.keys()
        for change in ({"failures": 1}, {"failures": None}, {"at_least": 0.1}, {"confidence": 0.5}, {"first": 10**6}):
            with pytest.raises(RunError, match="another design before its first draw"):
                claim_of(model, FAR, **change).run(store)
        assert store.keys() == had, "nothing more was drawn"
        other = claim_of(model, SAFE, names="a").run(store)
        assert other.holds, "another question is another claim"
        assert "was asked 2 claims" in str(other)
        assert "confidence 0.8 only" in str(other)


def test_directions_that_were_looked_at_are_refused(model: Model) -> None:
    store = MemoryStore(claim_of(model).identity)
    tasks = [(toy_choice(model, name="a"), 10)]
    Scan.of(model, tasks, directions=gaussian(3), alpha=parse_alpha("0.2")).run(store)
    for first in (0, 2):
        with pytest.raises(RunError, match=r"looked along its directions already.*--seeds 3"):
            claim_of(model, first=first).run(store)
    assert claim_of(model, names="a", limit=10, first=3).run(store).holds
    with pytest.raises(RunError, match=r"belong to another claim.*--seeds 10"):
        claim_of(model, 2 * SAFE, first=9).run(store)


def test_a_scan_may_share_the_run_and_the_landscape_leaves_the_draws_out(model: Model) -> None:
    """Draws that stop at a failure are a biased sample: a basin is not estimated from them."""
    prepared = claim_of(model, FAR, names="a", limit=10)
    store = MemoryStore(prepared.identity)
    prepared.run(store)
    with pytest.raises(RunError, match="nothing was asked of it yet"):
        Landscape.from_store(store)
    Scan.of(model, [(toy_choice(model, name="a"), 10)], directions=gaussian(2), alpha=parse_alpha("0:0.4:3")).run(store)
    landscape = Landscape.from_store(store)
    assert len(landscape.directions) == 2
    assert FAR not in landscape["a"].alpha.values
    (claim,) = FractionClaim.all_of(store)
    assert claim.status == "fails"


def test_what_the_model_cannot_do_cannot_be_kept(model: Model) -> None:
    stranger = toy_model(seed=5)
    tasks = [(toy_choice(model), 20)]  # what another random model prefers
    prepared = FractionScan.of(stranger, tasks, sigma=SAFE, at_least=0.7, confidence=0.9)
    store = MemoryStore(prepared.identity)
    with pytest.raises(InputError, match="cannot be told from chance"):
        prepared.run(store)
    assert (store.claims(), list(store.points())) == ((), [Point.origin().id]), "no draw was made"


def test_what_cannot_be_meant_is_refused(model: Model) -> None:
    for change, words in [
        ({"sigma": 0.0}, "sigma 0"),
        ({"sigma": math.nan}, "not finite"),
        ({"at_least": 1.0}, "every draw or none"),
        ({"confidence": 0.0}, "confidence"),
        ({"tolerance": 2.0}, "tolerance"),
        ({"limit": 41}, "the task has 40 examples"),
        ({"names": "aa"}, "there twice"),
        ({"names": ""}, "no task"),
    ]:
        with pytest.raises(InputError, match=words):
            claim_of(model, **change)


def test_the_verb_keeps_the_claim_in_a_folder(model: Model, tmp_path: Path) -> None:
    asked = {"sigma": SAFE, "at_least": 0.6, "confidence": 0.8, "to": tmp_path / "run"}
    claim = corrie.fraction(model, [(toy_choice(model), 10)], **asked)
    assert isinstance(claim, corrie.FractionClaim)
    with SqliteStore.open(tmp_path / "run") as store:
        assert FractionClaim.all_of(store) == (claim,)
    assert corrie.fraction(model, [(toy_choice(model), 10)], **asked) == claim


def test_low_precision_is_said(model: Model) -> None:
    half = toy_model(dtype=torch.bfloat16)
    prepared = claim_of(half, 0.01, "a", 10, tolerance=0.9)
    claim = prepared.run(MemoryStore(prepared.identity))
    assert "rounding the moved weights to bfloat16 is part of the score" in claim.assumptions
    assert claim.cosine is not None
    assert 0.9 < claim.cosine < 1
    whole = claim_of(model, names="a", limit=10)
    assert not any("rounding" in a for a in whole.run(MemoryStore(whole.identity)).assumptions)
