"""The plan that looks for radii: driven by worlds whose radius is known."""

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError
from corrie.records.cell import CellKey
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaAuto, AlphaEdges, ScanSpec, TaskRequest
from corrie.scanning.plans.auto import AutoPlan
from corrie.scanning.plans.pursuit import Pursuit
from corrie.scanning.work import Known, Work
from corrie.stats.dose_response import Rounds
from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS as COVERED
from corrie.testing.worlds import World, WorldRun

STEP = 0.16
WORLDS = {"near": World(centre=0.006), "far": World(centre=0.02, examples=0.15, pairs=0.15)}
CHANCES = dict.fromkeys((*WORLDS, "absent"), 0.25)


def spec_of(*tasks: str, directions: int = 256, limit: int = 100, precision: float = 2.0, most: int = 640) -> ScanSpec:
    return ScanSpec(
        tasks=tuple(TaskRequest(task=t, limit=limit) for t in tasks),
        directions=gaussian(directions),
        alpha=AlphaAuto(precision=precision, most=most),
        retention=0.8,
    )


def answer(key: CellKey, seed: int, sigma: float) -> tuple[float, ...]:
    """A world's scores, as a function of the cell alone: whoever asks, in whatever order, finds the same."""
    rng = np.random.default_rng([len(key.task), key.block])
    if key.task == "absent":
        return tuple((rng.random(10) < 0.2).astype(float))
    world = WORLDS[key.task]
    before, place = rng.random(10) < world.score, np.log(world.centre) + rng.normal(0, world.examples, 10)
    if not sigma:
        return tuple(before.astype(float))
    luck = np.random.default_rng([seed, key.block, len(key.task)])
    direction = np.random.default_rng([seed, 1]).normal(0, world.directions)
    broken = np.log(sigma) > place + direction + luck.normal(0, world.pairs, 10)
    return tuple(np.where(broken, luck.random(10) < world.chance, before).astype(float))


def score(known: Known, work: Work, block: tuple[str, int]) -> None:
    key = CellKey(work.point.id, *block)
    assert key not in known, "a cell is asked for twice"
    step = work.point.steps[0] if work.point.steps else None
    known.note(key, answer(key, step.direction.seed, step.alpha) if step else answer(key, 0, 0.0))


def drive(spec: ScanSpec, stop: int | None = None, known: Known | None = None) -> tuple[Known, list[list[Work]]]:
    """Every agenda until the plan is done or so many cells are there."""
    plan, known, asked = AutoPlan(STEP, CHANCES), (Known() if known is None else known), []
    while work := plan(spec, known).work:
        asked.append(list(work))
        for piece in work:
            for block in piece.blocks:
                score(known, piece, block)
                if len(known) == stop:
                    return known, asked
    return known, asked


def cells(known: Known) -> dict[CellKey, object]:
    return {key: known.block(key) for key in known}


def test_every_radius_is_found_to_the_precision_asked() -> None:
    spec = spec_of(*WORLDS)
    known, _ = drive(spec)
    for pursuit in AutoPlan(STEP, CHANCES).follow(spec, known):
        found, truth = pursuit.found[-1].radius(0.8), WORLDS[pursuit.request.task].radius(0.8)
        assert pursuit.ending == "narrow"
        assert found.ratio <= 2
        assert found.low <= truth <= found.high


def test_a_scan_stopped_anywhere_goes_on_to_the_same_cells() -> None:
    """By another process each time: nothing is kept but the cells."""
    spec = spec_of("far", most=160)
    whole, known = drive(spec)[0], Known()
    for stop in (3, 14, 19, 25):
        drive(spec, stop, known)
        assert len(known) == stop
    assert cells(drive(spec, known=known)[0]) == cells(whole)


def test_a_round_may_be_scored_in_any_order() -> None:
    spec, known, rng, plan = spec_of("far", most=160), Known(), np.random.default_rng(0), AutoPlan(STEP, CHANCES)
    while work := plan(spec, known).work:
        every = [(piece, block) for piece in work for block in piece.blocks]
        for i in rng.permutation(len(every))[: max(1, len(every) // 2)]:
            score(known, *every[i])
    assert cells(known) == cells(drive(spec)[0])


def test_tasks_share_directions_and_do_not_change_each_others_cells() -> None:
    both, asked = drive(spec_of(*WORLDS, most=160))
    for task in WORLDS:
        alone, _ = drive(spec_of(task, most=160))
        assert cells(alone) == {k: v for k, v in cells(both).items() if k.task == task}
    for agenda in asked[1:]:
        drawn = {s.direction.seed for w in agenda for s in w.point.steps}
        assert len(drawn) == 8
    first = [w for w in asked[1] if w.point.steps]
    assert [len(w.blocks) for w in first] == [2] * 8  # at one step, at one point
    seeds = [s.direction.seed for agenda in asked[1:] for w in agenda for s in w.point.steps]
    assert seeds == sorted(seeds)  # each direction is drawn once


def test_what_comes_first_ends_when_it_is_narrow_once() -> None:
    spec, plan, known = spec_of("near", precision=3.0), AutoPlan(STEP, CHANCES, first=frozenset({"near"})), Known()
    while work := plan(spec, known).work:
        for piece in work:
            for block in piece.blocks:
                score(known, piece, block)
    (pursuit,) = plan.follow(spec, known)
    assert pursuit.ending == "narrow"
    narrow = [pursuit.rounds.is_narrow(found) for found in pursuit.found]
    assert narrow == [False] * (len(narrow) - 1) + [True]


def test_what_cannot_become_narrow_any_more_is_given_up() -> None:
    spec = spec_of("far", precision=1.02)
    known, _ = drive(spec)
    (pursuit,) = AutoPlan(STEP, CHANCES).follow(spec, known)
    assert pursuit.ending == "wide"
    assert pursuit.found[-1].evaluations == 400


def test_what_is_absent_is_asked_nothing_more() -> None:
    known, _ = drive(spec_of("absent", limit=400))
    assert {k.point for k in known} == {Point.origin().id}
    assert len(known) == 20


def test_more_precision_takes_the_same_rounds_and_more() -> None:
    rough, fine = (cells(drive(spec_of("near", precision=p, most=320))[0]) for p in (8.0, 1.01))
    assert rough.items() < fine.items()


def test_few_examples_and_few_directions_come_again_and_no_cell_twice() -> None:
    spec = spec_of("near", directions=4, limit=25, most=160, precision=1.01)
    known, _ = drive(spec)
    assert {k.block for k in known} == {0, 1, 2}
    (pursuit,) = AutoPlan(STEP, CHANCES).follow(spec, known)
    assert pursuit.ending == "spent"
    assert pursuit.found[-1].directions == 4
    assert pursuit.found[-1].examples == 25


def test_a_round_of_cells_that_are_all_there_is_the_last() -> None:
    """It would say nothing new, and the next would ask the same."""
    pursuit = Pursuit(TaskRequest(task="near", limit=10), 0.25, 10, Rounds(0.001, 0.08), {})
    pursuit.advance([0] * 8)
    assert len(pursuit.looks) == 8
    assert pursuit.ending is None
    pursuit.advance([0] * 8)
    assert len(pursuit.looks) == 8
    assert pursuit.ending == "spent"


def test_other_step_sizes_are_not_its_business() -> None:
    spec = spec_of("near").model_copy(update={"alpha": AlphaEdges()})
    with pytest.raises(InputError):
        AutoPlan(STEP, CHANCES)(spec, Known())


class Recorded(WorldRun):
    """Keeps what it was asked."""

    asked: list[tuple[int, float, int]]

    def score(self, direction: int, sigma: float, examples: ArrayLike) -> NDArray[np.bool_]:
        self.asked = [*getattr(self, "asked", []), (direction, sigma, int(np.min(examples)))]
        return super().score(direction, sigma, examples)


@pytest.mark.parametrize(
    ("name", "seed", "most"),
    [("middle", 0, 160)]
    + [pytest.param(name, seed, 640, marks=pytest.mark.coverage) for name in COVERED for seed in range(2)],
)
def test_the_simulated_scan_of_the_coverage_table_takes_the_same_steps(name: str, seed: int, most: int) -> None:
    """Same world, same luck: this plan asks for the blocks that the simulation asks for, and finds the same radii."""
    world = COVERED[name]
    simulated, real = (Recorded(world, np.random.default_rng(seed)) for _ in range(2))
    found = SimplePlan(Rounds(STEP * (1 / 200), STEP * 0.4, most=most), gives_up=True).run(simulated)
    spec = spec_of("world", limit=world.available, most=most)
    number = {direction.id: i for i, direction in enumerate(spec.directions)}
    plan, known = AutoPlan(STEP, {"world": world.chance}), Known()
    while work := plan(spec, known).work:
        for piece in work:
            step = piece.point.steps[0] if piece.point.steps else None
            for task, block in piece.blocks:
                examples = np.arange(10 * block, 10 * block + 10)
                if step is None:
                    scores = real.before[examples]
                else:
                    scores = real.score(number[step.direction.id], step.alpha, examples)
                known.note(CellKey(piece.point.id, task, block), tuple(scores.astype(float)))
    (pursuit,) = plan.follow(spec, known)
    if found is None:
        assert pursuit.ending == "absent"
    else:
        assert real.asked == simulated.asked
        assert pursuit.found[-1].radii == found.radii
