"""A plane on a toy model: points, resuming, checkpoints at the corners, distances on both axes."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corrie
from corrie.analysis.plane import Plane
from corrie.models.load import load
from corrie.models.model import Model
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.paths import quantised
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.plane_axes import as_far, axis_length
from corrie.scanning.plans.plane import plane_points
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Nobody
from corrie.scanning.work import Known
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.realise import realise

TWO = gaussian(2)
GRID = AlphaGrid.parse("-0.1:0.2:4")


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def scan_of(model: Model, directions=TWO, alpha: AlphaGrid = GRID, beta: AlphaGrid = GRID) -> Scan:
    return Scan.of(model, [(toy_choice(model, size=20), 20)], directions=directions, alpha=alpha, beta=beta)


@pytest.fixture(scope="module")
def whole(model: Model) -> MemoryStore:
    """The whole plane, run without a stop."""
    scan = scan_of(model)
    store = MemoryStore(scan.identity)
    before = model_fingerprint(model.module)
    assert scan.run(store) == "complete"
    assert model_fingerprint(model.module) == before
    return store


def test_every_point_once_and_the_axes_first(model: Model) -> None:
    points = plane_points(scan_of(model).spec)
    assert len(points) == len(set(points)) == 16
    assert points[0] == Point.origin()
    assert [len(p.steps) for p in points] == [0] + [1] * 6 + [2] * 9
    away = plane_points(scan_of(model, alpha=AlphaGrid.parse("0.1:0.2:2")).spec)
    assert len(away) == 2 * 4 + 1, "the unmoved model is scored in any case"


def test_each_direction_is_made_twice_at_most(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(direction, *rest):
        made.append(direction.id)
        return realise(direction, *rest)

    monkeypatch.setattr(sys.modules["corrie.weights.perturbed"], "realise", counted)
    scan = scan_of(model)
    scan.run(MemoryStore(scan.identity))
    assert len(made) <= 3


def test_cells_are_those_of_a_model_moved_by_hand(model: Model, whole: MemoryStore) -> None:
    scan = scan_of(model)
    plane = Plane.of(whole, scan.spec)
    one, two = gaussian(2)
    task = next(iter(scan.tasks.values()))
    with corrie.perturbed(model, Point.at((one, 0.1), (two, -0.1))):
        alone = task.score(model.reader(), 0, 10)
    found = plane["toy"].sel(alpha=0.1, beta=-0.1)
    assert found.score.values[:10].tolist() == [o.success for o in alone]
    assert found.loss.values[:10] == pytest.approx([o.loss for o in alone])
    assert plane.geometry is not None
    root = np.sqrt(model.identity.dimension)
    assert (plane.geometry.first, plane.geometry.second) == pytest.approx((root, root), rel=0.02)
    assert abs(plane.geometry.cosine) < 0.03


class Stop(Exception):
    pass


class StopAfter(Nobody):
    def __init__(self, cells: int) -> None:
        self.left = cells

    def acknowledges(self, cell: Any) -> None:
        self.left -= 1
        if not self.left:
            raise Stop


def test_it_goes_on_where_it_was(model: Model, whole: MemoryStore, tmp_path: Path) -> None:
    scan = scan_of(model)
    with SqliteStore.create_or_open(tmp_path / "run", scan.identity) as store:
        with pytest.raises(Stop):
            scan.run(store, watch=StopAfter(11))
        assert len(store.keys()) == 11
        assert "about" not in str(scan.estimate(Known(store.cells()))).partition(",")[0]
        assert scan.estimate(Known(store.cells())).cells == 32 - 11
    with SqliteStore.create_or_open(tmp_path / "run", scan.identity) as store:
        assert scan.run(store) == "complete"
        resumed = Plane.of(store, scan.spec)
    assert np.array_equal(resumed.score("toy"), Plane.of(whole, scan.spec).score("toy"))
    assert scan.plan(budgeted=True)(scan.spec, Known(whole.cells())).work == ()


def test_lines_along_the_same_directions_are_not_scored_again(model: Model) -> None:
    """A point is a point: the axes of a plane are lines."""
    lines = Scan.of(model, [(toy_choice(model, size=20), 20)], directions=gaussian(2), alpha=GRID)
    store = MemoryStore(lines.identity)
    lines.run(store)
    plane = scan_of(model)
    assert plane.identity == lines.identity
    assert len(plane.plan()(plane.spec, Known(store.cells())).work) == 9


def test_three_checkpoints_stand_at_their_corners(tmp_path: Path) -> None:
    base, one, two = (load(save_toy(tmp_path / f"toy{seed}", seed=seed)) for seed in range(3))
    task = toy_choice(base, size=20)
    directions = corrie.toward(base, tmp_path / "toy1"), corrie.toward(base, tmp_path / "toy2")
    plane = corrie.plane(base, [(task, 20)], directions, alpha="0:1:3", to=tmp_path / "run")
    assert plane.beta.tolist() == plane.alpha.tolist()
    assert [m.name for m in plane.marks] == ["toy0", "toy1", "toy2"]
    for mark, model in zip(plane.marks, (base, one, two), strict=True):
        score = np.mean([o.success for o in task.score(model.reader(), 0, 20)])
        assert plane.at("toy", mark) == pytest.approx(float(score))
    assert plane.geometry is not None
    lengths = [axis_length(base, d) for d in directions]
    assert (plane.geometry.first, plane.geometry.second) == pytest.approx(lengths, rel=1e-5)
    assert plane.geometry.cosine == pytest.approx(0.5, abs=0.1), "two independent models from a third"


def test_the_second_axis_goes_as_far(model: Model) -> None:
    path, noise = quantised("int4"), gaussian(1)[0]
    grid = as_far(model, (path, noise), AlphaGrid.parse("-1:2:7"))
    assert grid.count == 7
    assert grid.high * axis_length(model, noise) == pytest.approx(2 * axis_length(model, path), rel=0.05)
    assert 0.0 in grid.values
    back = as_far(model, (noise, path), AlphaGrid.parse("0:0.01:3"))
    assert back.high * axis_length(model, path) == pytest.approx(0.01 * axis_length(model, noise), rel=0.05)
    saved = corrie.plane(model, [(toy_choice(size=10), 10)], (path, noise), alpha="0:1:2")
    assert saved.beta[1] * axis_length(model, noise) == pytest.approx(axis_length(model, path), rel=0.05)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from corrie.cli.main import app
    from corrie.testing.toy_tasks import save_toy_task

    toy = save_toy(tmp_path / "toy")
    save_toy(tmp_path / "tuned", seed=1)
    file = save_toy_task(tmp_path / "letters.jsonl", toy_model())
    asked = [
        "plane", str(toy), "-t", f"{file}:10", "--direction", f"toward:{tmp_path / 'tuned'}", "--direction",
        "gaussian:0", "--alpha=0:1:3", "--to", str(tmp_path / "run"),
    ]  # fmt: skip
    app([*asked, "--dry-run"], standalone_mode=False)
    assert "9 points × 10 examples" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
    app([*asked, "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert [m["name"] for m in found["marks"]] == ["toy", "tuned"]
    far = found["beta"][-1] * found["geometry"]["second"]
    assert far == pytest.approx(found["geometry"]["first"], rel=0.06), "as far as the tuned model"
    app(["show", str(tmp_path / "run")], standalone_mode=False)
    assert capsys.readouterr().out.startswith("Plane of toward tuned (α 0 to 1) and gaussian:0")
    app(["show", str(tmp_path / "run"), "--json"], standalone_mode=False)
    assert len(json.loads(capsys.readouterr().out)["planes"]) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--direction", "gaussian:0"), "1 directions where a plane has two"),
        (("--direction", "gaussian:0-2"), "3 directions"),
        (("--direction", "gaussian:0", "--direction", "gaussian:0"), "each of its own"),
        (("--beta", "1"), "a range of one point"),
        (("--normalisation", "wide"), "no normalisation named"),
    ],
    ids=str,
)
def test_bad_input(tmp_path: Path, more: tuple[str, ...], words: str) -> None:
    from corrie.cli.main import app
    from corrie.errors import CorrieError

    toy = save_toy(tmp_path / "toy")
    run = tmp_path / "run"
    from corrie.testing.toy_tasks import save_toy_task

    file = save_toy_task(tmp_path / "letters.jsonl", toy_model())
    asked = ["plane", str(toy), "-t", f"{file}:10", "--alpha", "0:1:2", "--to", str(run), *more]
    with pytest.raises(CorrieError, match=words):
        app(asked, standalone_mode=False)
    assert not run.exists()
