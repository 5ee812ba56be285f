"""Certificates on toy models: what is drawn, what is continued, what is refused, and that the bound is kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import corrie
from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.verification import verify
from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.graded_choice import graded
from corrie.errors import InputError, RunError
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.direction import Gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised
from corrie.records.subspace import Coordinates, FullSpace, parse_subspace
from corrie.scanning.certificate_scan import CertificateScan
from corrie.scanning.executor import Arrived
from corrie.scanning.subspace_executor import SubspaceExecutor
from corrie.scanning.watch import Nobody
from corrie.scanning.work import Work
from corrie.subspaces.find import find_subspace
from corrie.subspaces.space import draw_noise, fine_lattice, length, rounded
from corrie.subspaces.written_space import full_space
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import fingerprint, model_fingerprint

SIGMA = 0.1
LATTICE = fine_lattice(SIGMA)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def task(model: Model) -> ChoiceTask:
    return toy_choice(model, name="a")


def prepare(model: Model, task: ChoiceTask, subspace: str = "adapter:q_proj:1", **terms: Any) -> CertificateScan:
    wanted = {"sigma": SIGMA, "draws": 12, "confidence": 0.9, "lattice": LATTICE, "selection_draws": 4, "rows": 4}
    space = find_subspace(model, parse_subspace(subspace), lattice=LATTICE)
    return CertificateScan.of(model, [(task, 15)], space, **(wanted | terms))


def replace_tasks(prepared: CertificateScan, model: Model, tasks: list[Any]) -> CertificateScan:
    """The same certificate of other tasks."""
    return CertificateScan.of(
        model, tasks, prepared.space, sigma=SIGMA, draws=12, confidence=0.9, lattice=LATTICE, selection_draws=4,
        rows=4, ratio=prepared.selecting.ratio if prepared.requires else None,
    )  # fmt: skip


def certify(prepared: CertificateScan, **terms: Any) -> Certificate:
    return prepared.run(MemoryStore(prepared.identity), **terms)


@pytest.fixture(scope="module")
def usual(model: Model, task: ChoiceTask) -> tuple[MemoryStore, Certificate]:
    """The usual question, answered without a stop; nobody writes to its store."""
    prepared = prepare(model, task)
    before = model_fingerprint(model.module)
    store = MemoryStore(prepared.identity)
    found = prepared.run(store)
    assert model_fingerprint(model.module) == before
    return store, found


class StopAfter(Nobody):
    """Presses Ctrl-C after so many cells."""

    def __init__(self, cells: int) -> None:
        self.left = cells

    def acknowledges(self, cell: Cell) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_what_is_drawn(usual: tuple[MemoryStore, Certificate]) -> None:
    store, found = usual
    spec = found.evidence.spec
    assert len(store.keys()) == (1 + 4 + 12) * 2, "the unmoved model, selection, certification; blocks whole"
    assert len(store.points()) == 17
    assert {s.alpha for p, _ in store.points().values() for s in p.steps} == {SIGMA}
    assert (spec.rows, spec.lattice, found.evidence.dimension) == (4, LATTICE, 64)
    assert not set(spec.seeds) & set(spec.selection.seeds)


@pytest.mark.parametrize("subspace", ["adapter:q_proj:1", "random:2"])
def test_an_interrupted_certificate_ends_with_the_same_bytes(
    model: Model, task: ChoiceTask, usual: tuple[MemoryStore, Certificate], tmp_path: Path, subspace: str
) -> None:
    prepared = prepare(model, task, subspace)
    expected = usual[1] if subspace == "adapter:q_proj:1" else certify(prepared)
    for cells in (1, 4, 6, 9):
        with SqliteStore.create_or_open(tmp_path, prepared.identity) as store, pytest.raises(KeyboardInterrupt):
            prepared.run(store, watch=StopAfter(cells))
    with SqliteStore.create_or_open(tmp_path, prepared.identity) as store:
        assert len(store.keys()) == 20, "nothing lost, nothing repeated"
        assert store.claims(), "fixed after selection and before the first certifying draw"
        found = prepared.run(store)
        assert prepared.run(store) == found, "a finished one only reads"
    assert (found.text(), found.evidence.text()) == (expected.text(), expected.evidence.text())
    assert verify(found.write(tmp_path)).certificate == found


def test_a_cell_does_not_hang_on_which_others_were_missing(model: Model, task: ChoiceTask) -> None:
    """To the bit: losses of draws that ran with others, alone, and in another order."""
    prepared = prepare(model, task)
    request = prepared.scan.spec.tasks[0].task
    points = [Point.origin(), *(prepared._point(100 + i) for i in range(6))]

    def cells(chosen: list[Point]) -> dict[str, Cell]:
        executor = SubspaceExecutor(model, prepared.scan.tasks, 15, prepared.space, 4)
        with executor:
            events = list(executor.run([Work(p, ((request, 0),)) for p in chosen]))
        assert [e.point for e in events if isinstance(e, Arrived)] == chosen
        return {e.point: e for e in events if isinstance(e, Cell)}

    together = cells(points)
    assert len({c.outcomes for c in together.values()}) == 7
    for chosen in (points[3:5], points[::-1], points[6:], points[:1]):
        for point, cell in cells(chosen).items():
            assert cell == together[point]


def test_the_design_is_fixed_before_the_first_draw(
    model: Model, task: ChoiceTask, usual: tuple[MemoryStore, Certificate]
) -> None:
    store, _ = usual
    had = store.keys()
    for change in (
        {"draws": 13},
        {"confidence": 0.5},
        {"first": 10**6},
        {"ratio": 2.5},
        {"thresholds": 1},
        {"rows": 2},
    ):
        with pytest.raises(RunError, match="another design before its first draw"):
            prepare(model, task, **change).run(store)
    assert store.keys() == had, "nothing more was drawn"


def test_thresholds_of_a_graded_task_are_finer_than_one_of_its_examples(
    model: Model, task: ChoiceTask, tmp_path: Path
) -> None:
    """By their own grid each: a task that is right or wrong beside it keeps its thresholds."""
    fine = graded(task)
    both = replace_tasks(prepare(model, task), model, [(task, 15), (fine, 15)])
    found = certify(both)
    plain, shares = found.evidence.spec.levels
    assert (plain.parts, shares.parts) == (1, 100)
    assert all(15 * level == pytest.approx(round(15 * level)) for level in plain.levels)
    assert any(abs(15 * level - round(15 * level)) > 1e-9 for level in shares.levels)
    assert verify(found.write(tmp_path)).certificate == found


def test_a_task_is_graded_where_an_outcome_is_a_share(model: Model, task: ChoiceTask) -> None:
    """Also if it is said to be right or wrong."""
    request = prepare(model, task).scan.spec.tasks[0]
    assert prepare(model, task)._parts(request, [[0.0, 1.0, None], [1.0, 1.0, 0.0]]) == 1
    assert prepare(model, task)._parts(request, [[0.0, 1.0, None], [1.0, 0.5, 0.0]]) == 100


@pytest.mark.parametrize("ratio", [None, 1.0])
def test_a_run_that_was_designed_by_whole_examples_goes_on_so(
    model: Model, task: ChoiceTask, monkeypatch: pytest.MonkeyPatch, ratio: float | None
) -> None:
    fine = graded(task)
    prepared = replace_tasks(prepare(model, task), model, [(fine, 15)])
    store = MemoryStore(prepared.identity)
    with monkeypatch.context() as before:
        before.setattr("corrie.scanning.certificate_scan.graded_parts", lambda examples: 1)
        first = prepared.run(store)
    assert first.evidence.spec.levels[0].parts == 1
    had = store.keys()
    assert replace_tasks(prepare(model, task, ratio=ratio), model, [(fine, 15)]).run(store) == first
    assert store.keys() == had
    assert certify(prepared).evidence.spec.levels[0].parts == 100, "a new run has finer ones"


def test_another_distance_is_asked_of_the_same_draws(model: Model, task: ChoiceTask) -> None:
    """The bound holds at every distance at once, so the design stays, whichever distance it was made for."""
    prepared = prepare(model, task, expected=0.5)
    store = MemoryStore(prepared.identity)
    near = prepared.run(store, asked=FineTuned(distance=0.05))
    had = store.keys()
    far = prepare(model, task, expected=2.0).run(store, asked=FineTuned(distance=0.2), retain=0.5)
    assert store.keys() == had
    assert far.evidence == near.evidence
    assert far.tasks[0].lower(0.2) <= near.tasks[0].lower(0.05)


def test_a_distance_too_far_leaves_the_design_useful(model: Model, task: ChoiceTask) -> None:
    prepared = prepare(model, task, expected=100.0, draws=40, rows=8)
    assert prepared.selecting.ratio == 2.0
    found = certify(prepared, asked=FineTuned(distance=100 * SIGMA))
    assert (found.verdict, found.tasks[0].verdict(None)) == ("vacuous", "informative")


def test_draws_that_selected_or_were_seen_certify_nothing(model: Model, task: ChoiceTask) -> None:
    selecting = prepare(model, task).selecting
    with pytest.raises(InputError, match="used to select"):
        prepare(model, task, first=selecting.first - 3)
    space = find_subspace(model, parse_subspace("full"), lattice=LATTICE)
    terms = {"sigma": SIGMA, "draws": 4, "confidence": 0.9, "lattice": LATTICE, "selection_draws": 2, "first": 5}
    prepared = CertificateScan.of(model, [(task, 10)], space, **terms)  # type: ignore[arg-type]
    store = MemoryStore(prepared.identity)
    store.record_point(Point.along(Gaussian(seed=6), 0.3), Realised(asked=1.0, norm=1.0, cosine=1.0))
    with pytest.raises(RunError, match="looked along its directions already"):
        prepared.run(store)


def test_the_same_question_draws_the_same_and_another_one_others(
    model: Model, task: ChoiceTask, usual: tuple[MemoryStore, Certificate]
) -> None:
    first, again, other = usual[1], certify(prepare(model, task)), certify(prepare(model, task, sigma=0.11))
    assert first == again
    assert not set(first.evidence.spec.seeds) & set(other.evidence.spec.seeds)
    assert not set(first.evidence.spec.selection.seeds) & set(other.evidence.spec.selection.seeds)


def scores_at(prepared: CertificateScan, place: dict[str, torch.Tensor], seeds: range) -> np.ndarray:
    """J at x' + ε for fresh draws, by the executor that scores certificates."""
    name = Coordinates(subspace=prepared.space.spec.id, content=fingerprint(place))
    request = prepared.scan.spec.tasks[0]
    executor = SubspaceExecutor(
        prepared.scan.model, prepared.scan.tasks, 15, prepared.space, 8, {name.id: place}
    )  # fmt: skip
    from corrie.records.certificate_spec import noise_point

    points = [noise_point(prepared.space.spec, s, prepared.lattice, prepared.sigma, name) for s in seeds]
    with executor:
        events = list(executor.run([Work(p, ((request.task, 0),)) for p in points]))
    assert [e.point for e in events if isinstance(e, Arrived)] == points
    return np.array([np.mean([o.success or 0.0 for o in e.outcomes]) for e in events if isinstance(e, Cell)])


def test_the_smoothed_score_stays_above_the_bound_also_where_it_was_searched_for(
    model: Model, task: ChoiceTask
) -> None:
    """x' along the mean of the noise that hurt most, at several r: a direction found by looking at 60 draws."""
    sigma = 0.25
    prepared = prepare(model, task, "adapter:all:1", sigma=sigma, draws=60, lattice=fine_lattice(sigma), rows=8)
    found = certify(prepared)
    (score,) = found.tasks
    spec = found.evidence.spec
    order = np.argsort(score.scores)
    noises = [draw_noise(prepared.space.shapes, spec.point(int(i)).steps[0].direction, sigma) for i in order]  # type: ignore[arg-type]
    bad, good = noises[:15], noises[-15:]
    away = {n: sum(b[n] for b in bad) - sum(g[n] for g in good) for n in bad[0]}
    size = length(away)  # type: ignore[arg-type]
    seen = []
    for ratio in (0.5, 1.5):
        place = rounded({n: t * (ratio * sigma / size) for n, t in away.items()}, prepared.lattice)  # type: ignore[union-attr]
        there = scores_at(prepared, place, range(10**6, 10**6 + 48))
        error = there.std() / math.sqrt(there.size)
        assert there.mean() >= score.lower(length(place)) - 3 * error
        seen.append(there.mean())
    assert seen[1] < score.smoothed, "it is a bad direction"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"sigma": 0.0}, "sigma 0"),
        ({"sigma": -1.0}, "sigma -1"),
        ({"sigma": math.nan}, "sigma nan"),
        ({"confidence": 0.0}, "confidence"),
        ({"confidence": 1.0}, "confidence"),
        ({"draws": 0}, "0 certifying draws"),
        ({"draws": 2**20 + 1}, "room for"),
        ({"selection_draws": 1}, "1 selection draws"),
        ({"thresholds": 0}, "0 thresholds"),
        ({"rows": 0}, "0 rows"),
        ({"ratio": -1.0}, "ratio"),
        ({"ratio": math.inf}, "ratio"),
        ({"first": -1}, "no seed"),
        ({"first": 2**62}, "no seed"),
    ],
    ids=str,
)
def test_what_cannot_be_meant(model: Model, task: ChoiceTask, terms: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        prepare(model, task, **terms)


def test_a_subspace_of_another_lattice_is_refused(model: Model, task: ChoiceTask) -> None:
    for lattice in (None, LATTICE - 1):
        space = full_space(model.selection, FullSpace(), lattice)
        with pytest.raises(InputError, match="made for another one"):
            CertificateScan.of(model, [(task, 10)], space, sigma=SIGMA, draws=4, confidence=0.9, lattice=LATTICE)


@pytest.mark.parametrize("sigma", [0.0, -0.1, math.inf, math.nan])
def test_the_verb_refuses_a_sigma(model: Model, task: ChoiceTask, sigma: float) -> None:
    with pytest.raises(InputError, match="sigma"):
        corrie.certify(model, [(task, 10)], sigma=sigma)


def test_a_share_that_is_none_is_refused_before_any_draw(model: Model, task: ChoiceTask) -> None:
    prepared = prepare(model, task)
    store = MemoryStore(prepared.identity)
    with pytest.raises(InputError, match="retain"):
        prepared.run(store, retain=0.0)
    assert not store.keys()


def test_where_everything_is_lost_there_is_nothing_to_choose(model: Model) -> None:
    """Every selection draw scores 0: said, not certified."""
    from corrie.stats.score_law import choose_thresholds

    with pytest.raises(InputError, match="nothing to certify"):
        choose_thresholds([0.0, 0.0, 0.0], 1.0, draws=10, step=0.1)
