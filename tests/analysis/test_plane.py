"""Planes of a known landscape: what is read, where things stand, how contours run."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm as normal

from corrie.analysis.export import labelled
from corrie.analysis.landscape import Landscape
from corrie.analysis.plane import Mark, Plane, interpolate
from corrie.analysis.plane_geometry import PlaneGeometry
from corrie.errors import RunError, UnknownName
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.paths import Difference
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_plane import SPREAD, cliff_plane
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run, identity

ROOT = math.sqrt(MODEL.dimension)
A = Difference(base="a" * 64, tuned="b" * 64, base_name="base", tuned_name="chat")
B = Difference(base="a" * 64, tuned="c" * 64, base_name="base", tuned_name="code")
SKEWED = PlaneGeometry(0.01 * ROOT, 0.008 * ROOT, 0.6)
UNIT = AlphaGrid.between(-0.25, 1.25, 7)


def three_checkpoints(examples: int = 100) -> MemoryStore:
    return cliff_plane(  # type: ignore[return-value]
        examples=examples, directions=(A, B), alpha=UNIT, beta=UNIT, geometry=SKEWED
    )


def test_scores_are_those_of_the_law_all_over_the_plane() -> None:
    """J(r) = Φ((log R − log r)/s) at every point, within the error of 400 examples."""
    (plane,) = Plane.all_of(cliff_plane(examples=400))
    a, b = np.meshgrid(plane.alpha, plane.beta, indexing="ij")
    with np.errstate(divide="ignore"):
        expected = normal.cdf((math.log(KINDS[2].radius) - np.log(np.hypot(a, b))) / SPREAD)
    assert plane.score("math") == pytest.approx(expected, abs=0.08)
    assert plane.unmoved("math") == 1.0
    assert plane.at("math", plane.marks[0]) == 1.0
    assert plane.loss("math") == pytest.approx(1 + (a**2 + b**2) / KINDS[2].radius ** 2, rel=1e-3)
    assert plane.missing("math") == 0.0


def test_contours_are_circles_in_distance_also_on_a_skewed_plane() -> None:
    (plane,) = Plane.all_of(three_checkpoints())
    assert plane.geometry is not None
    assert plane.geometry.cosine == pytest.approx(0.6, abs=1e-5)
    x, y = plane.geometry.place(*np.meshgrid(plane.alpha, plane.beta, indexing="ij"))
    distance, score = np.hypot(x, y).ravel() / ROOT, plane.score("math").ravel()
    order = np.argsort(distance)
    assert (np.diff(score[order]) <= 1e-9).all(), "the score depends on the distance alone"


def test_marks_and_the_ways_between_them() -> None:
    (plane,) = Plane.all_of(three_checkpoints())
    assert plane.marks == (Mark("toy", 0, 0), Mark("chat", 1, 0), Mark("code", 0, 1))
    assert [(a.name, b.name) for a, b in plane.paths] == [("toy", "chat"), ("toy", "code"), ("chat", "code")]
    a, b, along = plane.along("math", *plane.paths[0], count=5)
    assert (a.tolist(), b.tolist()) == ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0] * 5)
    assert along == pytest.approx([plane.score("math")[1 + i, 1] for i in range(5)])
    a, b, _ = plane.along("math", *plane.paths[2], count=3)
    assert (a.tolist(), b.tolist()) == ([1.0, 0.5, 0.0], [0.0, 0.5, 1.0])
    assert "toy" in str(plane)
    assert "at chat" in str(plane)
    (narrow,) = Plane.all_of(cliff_plane(examples=10, directions=(A, B), alpha=AlphaGrid.between(-0.5, 0.5, 3)))
    assert [m.name for m in narrow.marks] == ["toy"], "what lies outside has no mark"


def test_kept_is_the_share_of_points_above_the_level() -> None:
    (plane,) = Plane.all_of(cliff_plane(examples=100))
    assert plane.kept("math") == pytest.approx((plane.score("math") >= 0.95).mean())


def test_the_labelled_array_has_everything(tmp_path: Path) -> None:
    (plane,) = Plane.all_of(three_checkpoints(examples=30))
    whole = labelled(plane)
    assert dict(whole.score.sizes) == {"task": 2, "alpha": 7, "beta": 7, "example": 30}
    assert whole.score.sel(task="math").mean("example").values == pytest.approx(plane.score("math"))
    assert whole.x.dims == ("alpha", "beta")
    assert json.loads(whole.attrs["marks"])[1] == ["chat", 1.0, 0.0]
    whole.to_netcdf(tmp_path / "plane.nc", engine="scipy", format="NETCDF3_64BIT")


def test_json_is_plain_and_complete() -> None:
    (plane,) = Plane.all_of(three_checkpoints(examples=30))
    said = json.loads(json.dumps(plane.to_json(), allow_nan=False))
    assert said["marks"][2] == {"name": "code", "alpha": 0.0, "beta": 1.0}
    assert np.shape(said["capabilities"][0]["score"]) == (7, 7)


def test_specs_that_differ_in_tasks_or_examples_are_one_plane() -> None:
    store = MemoryStore(identity())
    cliff_plane(store, examples=100, kinds=KINDS[2:3])
    cliff_plane(store, examples=100, kinds=KINDS[3:4], seed=1)
    cliff_plane(store, examples=100, kinds=KINDS[3:4], seed=1, beta=AlphaGrid.between(-0.012, 0.012, 3))
    first, second = Plane.all_of(store)
    assert [t.name for t in first.tasks] == ["math", "code"]
    assert second.beta.size == 3
    assert Plane.of(store, first.specs[0][0]).tasks == first.tasks


def test_lines_and_planes_share_a_run_and_are_told_apart(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_plane(store, examples=20)
        with pytest.raises(RunError, match="only planes were asked"):
            Landscape.from_store(store)
    with pytest.raises(RunError, match="only planes were asked"):
        Landscape.open(tmp_path / "run")
    assert Plane.open(tmp_path / "run").directions == gaussian(2)
    with SqliteStore.create_or_open(tmp_path / "lines", identity()) as store:
        cliff_run(store, directions=2, examples=20)
        assert Plane.all_of(store) == ()
    with pytest.raises(RunError, match="no plane was asked"):
        Plane.open(tmp_path / "lines")


def test_half_a_plane_is_half_a_plane() -> None:
    whole = cliff_plane(examples=20)
    half = MemoryStore(identity())
    for task in whole.tasks():
        half.register_task(task, [])
    for spec, why in whole.specs():
        half.record_spec(spec, why)
    for number, key in enumerate(sorted(whole.keys())):
        if number // 4 % 2:  # every second point: two tasks of two blocks each
            half.put(whole.get(key))
            half.record_point(*whole.points()[key.point])
    (plane,) = Plane.all_of(half)
    assert 0.3 < plane.missing("math") < 0.7
    assert np.isnan(plane.score("math")).any()
    assert "null" in json.dumps(plane.to_json(), allow_nan=False)


def test_between_the_points_it_is_bilinear_and_outside_it_is_nothing() -> None:
    alpha, beta = np.array([0.0, 1.0, 3.0]), np.array([-1.0, 1.0])
    values = np.add.outer(2 * alpha, -beta)
    a, b = np.array([0.5, 2.0, 3.0, 3.1, 0.0]), np.array([0.0, 0.5, 1.0, 0.0, -1.1])
    found = interpolate(alpha, beta, values, a, b)
    assert found[:3] == pytest.approx([1.0, 3.5, 5.0])
    assert np.isnan(found[3:]).all()
    values[2, 1] = np.nan
    assert np.isfinite(interpolate(alpha, beta, values, np.array([3.0]), np.array([-1.0]))).all()


def test_what_there_is_not() -> None:
    (plane,) = Plane.all_of(cliff_plane(examples=10))
    with pytest.raises(UnknownName, match="task in this plane"):
        plane.score("chess")
    assert gaussian(1)[0].axis == "gaussian:0"
