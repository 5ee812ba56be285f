"""Plans are pure functions (spec, cells so far) → next cells: driven here by landscapes that are known."""

from collections.abc import Callable

import pytest

from corrie.errors import InputError
from corrie.records.cell import Cell, CellKey, Outcome
from corrie.records.direction import gaussian
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaEdges, AlphaGrid, ScanSpec, TaskRequest
from corrie.scanning.plans.edges import SCOUT_SEED, EdgesPlan, natural_step, scout_direction
from corrie.scanning.plans.line import line
from corrie.scanning.plans.telling import MostTelling
from corrie.scanning.work import Known, Plan, Work

EDGES = {"narrow": 0.004, "wide": 0.02}
CHANCES = {"narrow": 0.25, "wide": 0.0}
STEP = 0.2


def spec_of(alpha: AlphaGrid | AlphaEdges, directions: int = 3, limit: int = 40) -> ScanSpec:
    tasks = tuple(TaskRequest(task=t, limit=limit) for t in EDGES)
    return ScanSpec(tasks=tasks, directions=gaussian(directions), alpha=alpha)


def cell(key: CellKey, alpha: float, edge: float, chance: float, best: float = 0.9) -> Cell:
    """Plateau and cliff: ``best`` right up to the edge, nothing above chance beyond twice of it."""
    share = min(1.0, max(0.0, (2 * edge - alpha) / edge))
    right = chance + share * (best - chance)
    outcomes = tuple(Outcome(id=f"{key.block}-{i}", success=right, label="right") for i in range(10))
    return Cell(point=key.point, task=key.task, block=key.block, outcomes=outcomes)


def usual(key: CellKey, alpha: float) -> Cell:
    return cell(key, alpha, EDGES[key.task], CHANCES[key.task])


def drive(
    plan: Plan,
    spec: ScanSpec,
    stop: Callable[[Known], bool] = lambda known: False,
    score: Callable[[CellKey, float], Cell] = usual,
) -> tuple[Known, list[Work]]:
    """Do what a plan asks for until it is done; everything it asked for, in order."""
    known, asked = Known(), []
    while agenda := plan(spec, known).work:
        for work in agenda:
            asked.append(work)
            alpha = work.point.steps[0].alpha if work.point.steps else 0.0
            for key in work.cells():
                assert key not in known, "a cell is asked for twice"
                known.add(score(key, alpha))
            if stop(known):
                return known, asked
    return known, asked


def alphas(asked: list[Work], seed: int) -> list[float]:
    return [s.alpha for w in asked for s in w.point.steps if s.direction.seed == seed]


def test_a_line_is_every_direction_at_every_alpha_and_the_model_once() -> None:
    spec = spec_of(AlphaGrid.parse("0:0.04:5"))
    known, asked = drive(line, spec)
    assert asked[0].point == Point.origin()
    assert [w.point for w in asked].count(Point.origin()) == 1
    for seed in range(3):
        assert alphas(asked, seed) == [0.01, 0.02, 0.03, 0.04]
    assert len(known) == 13 * 2 * 4 == line(spec, Known()).expected


def test_a_line_goes_on_where_it_was() -> None:
    spec = spec_of(AlphaGrid.parse("-0.01:0.01:3"))
    _, whole = drive(line, spec)
    known, first = drive(line, spec, stop=lambda known: len(known) >= 20)
    rest = line(spec, known).work
    assert [*first, *rest] == whole


def test_more_of_anything_is_only_what_is_missing() -> None:
    small, large = spec_of(AlphaGrid.parse("0:0.02:3"), 2, 20), spec_of(AlphaGrid.parse("0:0.04:5"), 3, 40)
    known, _ = drive(line, small)
    before, wanted = len(known), len(drive(line, large)[0])
    rest = line(large, known).work
    assert sum(len(w.blocks) for w in rest) == wanted - before


@pytest.mark.parametrize(
    ("step", "why"), [(STEP, "starts inside"), (20.0, "starts far outside"), (1e-3, "starts deep inside")]
)
def test_auto_finds_both_edges(step: float, why: str) -> None:
    _, asked = drive(EdgesPlan(step, CHANCES), spec_of(AlphaEdges()))
    grid = sorted(alphas(asked, 0))
    assert grid[0] <= 0.004, why
    assert grid[-1] >= 0.036, why
    for edge in EDGES.values():
        around = [a for a in grid if edge * 0.6 <= a <= edge * 1.6]
        assert len(around) >= 2, (grid, edge)


def test_auto_gives_every_direction_the_same_grid_and_few_points() -> None:
    _, asked = drive(EdgesPlan(STEP, CHANCES), spec_of(AlphaEdges()))
    grids = [sorted(alphas(asked, seed)) for seed in range(3)]
    assert grids[0] == grids[1] == grids[2]
    assert 8 <= len(grids[0]) <= 10
    assert len(alphas(asked, SCOUT_SEED)) <= 7


def test_the_scout_looks_at_few_examples() -> None:
    _, asked = drive(EdgesPlan(STEP, CHANCES), spec_of(AlphaEdges(), limit=100))
    scouting = [w for w in asked if w.point.steps and w.point.steps[0].direction.seed == SCOUT_SEED]
    assert scouting
    assert {block for w in scouting for _, block in w.blocks} == {0, 1}


def test_the_scout_looks_at_as_many_examples_as_a_weak_capability_takes() -> None:
    """0.15 above chance 0 is not to be told from chance on 20 examples: without more, the scout stopped at its first
    step and the grid lay far inside the basin."""
    spec = ScanSpec(tasks=(TaskRequest(task="weak", limit=100),), directions=gaussian(3), alpha=AlphaEdges())
    plan = EdgesPlan(STEP, {"weak": 0.0})
    _, asked = drive(plan, spec, score=lambda key, alpha: cell(key, alpha, 0.02, 0.0, best=0.15))
    scouting = [w for w in asked if w.point.steps and w.point.steps[0].direction.seed == SCOUT_SEED]
    assert {len(w.blocks) for w in scouting} == {4}
    grid = alphas(asked, 0)
    assert min(grid) < 0.02 < 0.04 <= max(grid) <= 0.16


def test_auto_goes_on_where_it_was() -> None:
    plan, spec = EdgesPlan(STEP, CHANCES), spec_of(AlphaEdges())
    whole, _ = drive(plan, spec)
    for stop in range(10, len(whole), 37):
        known, _ = drive(plan, spec, stop=lambda known, stop=stop: len(known) >= stop)
        while work := plan(spec, known).work:
            for key in work[0].cells():
                alpha = work[0].point.steps[0].alpha if work[0].point.steps else 0.0
                known.add(usual(key, alpha))
        assert set(known) == set(whole)


def test_auto_without_any_capability_stays_bounded() -> None:
    """A model at chance level has no edge: the scout must not walk for ever."""
    _, asked = drive(EdgesPlan(STEP, {"narrow": 0.95, "wide": 0.95}), spec_of(AlphaEdges()))
    assert len(alphas(asked, SCOUT_SEED)) <= 32
    assert len(alphas(asked, 0)) <= 10


def test_the_natural_step_is_the_size_of_the_weights() -> None:
    model = ModelIdentity(
        name="m", architecture="a", fingerprint="f", dtype="float32", parameters=100, selection=SelectionSpec(),
        dimension=100, norm=5.0,
    )  # fmt: skip
    assert natural_step(model, "none") == 0.5
    assert natural_step(model, "unit") == 5.0
    assert natural_step(model, "filter") == 1.0
    spec = ScanSpec(tasks=(TaskRequest(task="t", limit=1),), directions=gaussian(1, "layer"), alpha=AlphaEdges())
    assert scout_direction(spec).normalisation == "layer"


def test_a_budget_goes_to_the_ends_first_and_then_to_the_edges() -> None:
    spec = spec_of(AlphaGrid.parse("0:0.05:11"), directions=6)
    plan = MostTelling(line, CHANCES)
    _, asked = drive(plan, spec, stop=lambda known: len(known) >= 8 * 26)
    first = [w.point.steps[0].alpha for w in asked[1:4]]
    assert {0.05, 0.005} <= set(first)
    looked = {a: sum(a == w.point.steps[0].alpha for w in asked[1:]) for a in spec.alpha.values[1:]}
    assert all(looked.values()), "every step size is seen once before any is seen again"
    near = looked[0.005] + looked[0.02]
    far = looked[0.045] + looked[0.05]
    assert near > far


def test_a_budget_without_end_does_the_same_work() -> None:
    spec = spec_of(AlphaGrid.parse("0:0.05:6"))
    assert set(drive(MostTelling(line, CHANCES), spec)[0]) == set(drive(line, spec)[0])


def test_plans_refuse_the_other_kind_of_alpha() -> None:
    with pytest.raises(InputError, match="line plan"):
        line(spec_of(AlphaEdges()), Known())
    with pytest.raises(InputError, match="auto plan"):
        EdgesPlan(STEP, CHANCES)(spec_of(AlphaGrid.parse("0:1:2")), Known())
