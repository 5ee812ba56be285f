"""A diff read from a run whose every outcome is known."""

import json
import math
from pathlib import Path

import pytest

from corrie.analysis.fine_tune_diff import FineTuneDiff
from corrie.analysis.landscape import Landscape
from corrie.analysis.worst_compared import Worst
from corrie.errors import InputError, RunError
from corrie.records.cell import Cell, Outcome
from corrie.records.direction import Direction
from corrie.records.memory_store import MemoryStore
from corrie.records.paths import Adapter, Saved
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.store import Realised, Store
from corrie.records.task import ExampleCard, TaskIdentity
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run, identity

NORMS = {"model.layers.0.mlp.up_proj.weight": 3.0, "model.layers.1.mlp.up_proj.weight": 4.0}
TUNED = Adapter(content="c" * 64, name="my-adapter")
WORST = Saved(content="d" * 64, name="worst.safetensors", origin="worst of 1 start")
ALPHAS = AlphaGrid.between(0.0, 1.5, 7)
KEPT, LOST = "keeps", "loses"


def scan_path(store: Store, direction: Direction, alphas: AlphaGrid, losing: float, limit: int = 40) -> ScanSpec:
    """Of 40 examples 36 are right at α = 0; along the path task ``loses`` loses two more for each ``losing``."""
    tasks = []
    for name in (KEPT, LOST):
        known = next((t for t in store.tasks() if t.name == name), None)
        task = known or TaskIdentity(
            name=name, capability=name, source="toy", scoring="choice", chance=0.1, size=40, digest="ab" * 32
        )
        store.register_task(task, [ExampleCard(id=f"{name}-{j}", prompt="", target="") for j in range(40)])
        tasks.append(task)
    spec = ScanSpec(
        tasks=tuple(TaskRequest(task=t.id, limit=limit) for t in tasks), directions=(direction,), alpha=alphas
    )
    store.record_spec(spec, {"corrie": "0"})
    for alpha in {0.0, *alphas.values}:
        point = Point.along(direction, alpha)
        moved = Realised(asked=5 * alpha, norm=4.9 * alpha, cosine=0.99 if alpha else None)
        store.record_point(point, moved)
        for task in tasks:
            right = 36 - (2 * int(alpha / losing) if task.name == LOST else 0)
            for block in range(4):
                outcomes = tuple(
                    Outcome(id=f"{task.name}-{j}", success=float(j < right), label="right")
                    for j in range(10 * block, 10 * block + 10)
                )
                store.put(Cell(point=point.id, task=task.id, block=block, outcomes=outcomes))
    return spec


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(identity())


def read(store: Store, losing: float = 0.25, tolerance: float = 0.05, **terms) -> FineTuneDiff:
    spec = scan_path(store, TUNED, ALPHAS, losing=losing)
    return FineTuneDiff.from_store(store, spec, NORMS, tolerance=tolerance, **terms)


CLEAR = {"losing": 1 / 12, "tolerance": 0.2}
"""24 of 40 are lost: enough to decide both tasks with so few."""


def test_what_is_kept_and_what_is_lost(store: MemoryStore) -> None:
    found = read(store, **CLEAR)
    kept, lost = found.capability(KEPT), found.capability(LOST)
    assert (kept.verdict, lost.verdict) == ("kept", "lost")
    assert (found.lost, found.undecided) == ((LOST,), ())
    assert (lost.scores.before, lost.scores.after, lost.scores.worse, lost.scores.better) == (0.9, 0.3, 24, 0)
    assert (kept.scores.before, kept.scores.after) == (0.9, 0.9)
    assert found.headline == "lost: loses, kept: keeps"
    assert str(found).startswith(
        "toy → my-adapter: lost: loses, kept: keeps (L2 5).\nmoved by L2 5 (σ-equivalent 0.000431"
    )


def test_where_on_the_way(store: MemoryStore) -> None:
    """2 of 40 examples by α = 0.25 is 0.05; 0.05 · (0.9 − 0.1) = 0.04 may go."""
    found = read(store)
    lost = found.capability(LOST)
    assert lost.alpha == pytest.approx(0.25 * 0.04 / 0.05, rel=1e-6)
    assert lost.way_out is not None
    assert lost.way_out.distance == pytest.approx(5 * lost.alpha)
    kept = found.capability(KEPT)
    assert kept.alpha is None
    assert kept.way_out is not None
    assert (kept.way_out.distance, kept.way_out.known) == (7.5, "at least")


def test_the_move(store: MemoryStore) -> None:
    move = read(store).move
    assert (move.distance, move.realised) == (5.0, 4.9)
    assert move.sigma == pytest.approx(5 / math.sqrt(MODEL.dimension))
    assert [p.share for p in move.layers] == pytest.approx([0.36, 0.64])


def test_against_a_landscape(store: MemoryStore) -> None:
    cliff_run(store, directions=8, examples=100, kinds=KINDS[1:3])
    around = Landscape.from_store(store, "none")
    spec = ScanSpec(
        tasks=tuple(TaskRequest(task=t.id, limit=100) for t in around.tasks),
        directions=(TUNED,),
        alpha=AlphaGrid(low=1.0, high=1.0, count=1),
    )
    store.record_spec(spec, {})
    store.record_point(Point.along(TUNED, 1.0), Realised(asked=5.0, norm=5.0, cosine=1.0))
    for task in around.tasks:  # the fine-tune: nothing right any more
        for block in range(10):
            outcomes = tuple(
                Outcome(id=f"{task.name}-{j}", success=0.0, label="wrong") for j in range(10 * block, 10 * block + 10)
            )
            store.put(Cell(point=Point.along(TUNED, 1.0).id, task=task.id, block=block, outcomes=outcomes))
    for size, position in ((1.0, "inside"), (300.0, "outside")):
        norms = {"model.layers.0.mlp.up_proj.weight": size}
        found = FineTuneDiff.from_store(store, spec, norms, tolerance=0.05, landscape=around)
        card, basin = found.capability("math"), around.basin("math", 0.95)
        assert card.verdict == "lost"
        assert card.basin is not None
        assert (card.basin.position, card.basin.sigma) == (position, basin.sigma)
        assert card.basin.share == pytest.approx(size / basin.l2)
        assert card.sharpness is not None
        assert card.way_out is not None
        assert card.sharpness.value == pytest.approx(basin.l2 / card.way_out.distance)
        assert position in str(card)
        ends = [card.sharpness.value * end / basin.limit for end in card.basin.interval]
        assert f"sharpness ratio {card.sharpness} [{ends[0]:.3g}, {ends[1]:.3g}]" in str(card)
        assert card.basin.interval == (basin.sigma_low, basin.sigma_high)


def test_a_landscape_without_the_task_says_nothing(store: MemoryStore) -> None:
    other = Landscape.from_store(cliff_run(kinds=KINDS[:1], directions=2, examples=10))
    card = read(store, landscape=other).capability(LOST)
    assert (card.basin, card.sharpness) == (None, None)


def test_a_landscape_of_another_model_or_along_other_directions_is_refused(store: MemoryStore) -> None:
    there = MODEL.model_copy(update={"fingerprint": "0" * 64})
    foreign = MemoryStore(identity().model_copy(update={"model": there}))
    with pytest.raises(RunError, match="another model"):
        read(store, landscape=Landscape.from_store(cliff_run(foreign, directions=2, examples=10)))
    layers = Landscape.from_store(cliff_run(directions=2, examples=10, normalisation="layer"))
    with pytest.raises(InputError, match="not along raw random"):
        read(store, landscape=layers)


def test_the_worst_case_direction(store: MemoryStore) -> None:
    """Along it ``loses`` loses as much at a tenth of the distance."""
    scan_path(store, WORST, AlphaGrid.between(0.025, 0.05, 2), losing=0.025)
    ids = {t.name: t.id for t in store.tasks()}
    found = read(store, worst={ids[LOST]: Worst(WORST, 0.12, norm=5.0), ids[KEPT]: "it has no loss to climb"})
    card, other = found.capability(LOST), found.capability(KEPT)
    assert card.to_worst is not None
    assert (card.to_worst.value, card.to_worst.known) == (pytest.approx(10.0, rel=1e-6), "equal")
    assert card.worst is not None
    assert (card.worst.cosine, card.worst.says) == (0.12, "saved:dddddddddddddddd@tensors-1 (worst.safetensors)")
    assert "cosine 0.12, 10 times its distance for the same loss of score" in str(card)
    assert (other.worst, other.to_worst) == (None, None)
    assert "it has no loss to climb" in str(other)
    assert "was not measured" not in str(found)
    assert "was not measured" in str(read(MemoryStore(identity())))


def test_what_was_kept_with_one_worst_direction_for_all_is_read(store: MemoryStore) -> None:
    """As files were written before each capability had its own."""
    old = json.loads(read(store).canonical())
    for card in old["capabilities"]:
        for name in ("worst", "no_worst", "certified"):
            del card[name]
    without = FineTuneDiff.parse(json.dumps({**old, "worst": None}))
    assert without == read(store)
    one = {"direction": "saved:d@tensors-1", "says": "worst.safetensors", "cosine": 0.25}
    found = FineTuneDiff.parse(json.dumps({**old, "worst": one}))
    assert [c.worst and (c.worst.says, c.worst.cosine) for c in found.capabilities] == [("worst.safetensors", 0.25)] * 2
    assert FineTuneDiff.parse(found.canonical()) == found


def test_fewer_examples_than_the_run_has_are_the_first_ones(store: MemoryStore) -> None:
    scan_path(store, TUNED, ALPHAS, losing=0.25)
    spec = scan_path(store, TUNED, ALPHAS, losing=0.25, limit=10)
    card = FineTuneDiff.from_store(store, spec, NORMS, tolerance=0.05).capability(LOST)
    assert (card.scores.examples, card.scores.before, card.scores.after) == (10, 1.0, 1.0)


def test_json_has_everything_and_it_can_be_kept(store: MemoryStore, tmp_path: Path) -> None:
    found = read(store, **CLEAR)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    (kept, lost) = plain["capabilities"]
    assert (kept["verdict"], lost["verdict"]) == ("kept", "lost")
    assert lost["says"].startswith("loses is lost: 0.900 → 0.300")
    assert set(lost) >= {"scores", "way_out", "alpha", "basin", "sharpness", "to_worst"}
    assert set(plain["move"]) >= {"distance", "sigma", "relative", "layers", "kinds"}
    found.keep(tmp_path)
    found.keep(tmp_path)
    assert FineTuneDiff.found_in(RunFolder(tmp_path)) == (found,)
    assert FineTuneDiff.found_in(RunFolder(tmp_path / "nowhere")) == ()
    (file,) = (tmp_path / "diffs").glob("*")
    file.write_text("{}")
    with pytest.raises(RunError, match="cannot be read"):
        FineTuneDiff.found_in(RunFolder(tmp_path))


def test_terms_and_names_that_cannot_be_meant(store: MemoryStore) -> None:
    with pytest.raises(InputError, match="tolerance"):
        FineTuneDiff.from_store(store, scan_path(store, TUNED, ALPHAS, 0.25), NORMS, tolerance=1.0)
    with pytest.raises(InputError, match="not measured"):
        read(store).capability("poems")


def test_without_the_fine_tune_itself_there_is_no_diff(store: MemoryStore) -> None:
    spec = scan_path(store, TUNED, AlphaGrid.between(0.0, 0.5, 2), losing=0.25)
    with pytest.raises(RunError, match="not scored yet"):
        FineTuneDiff.from_store(store, spec, NORMS, tolerance=0.05)
