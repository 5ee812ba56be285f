from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrie.analysis.plane import Plane
from corrie.analysis.plane_geometry import PlaneGeometry
from corrie.errors import InputError, UnknownName
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.paths import Difference
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.reporting.plane_figure import draw, save_plane_figure
from corrie.reporting.run_figure import save_run_figure
from corrie.testing.cliff_plane import cliff_plane
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run, identity

ROOT = math.sqrt(MODEL.dimension)
A = Difference(base="a" * 64, tuned="b" * 64, tuned_name="a$b$<c>")
B = Difference(base="a" * 64, tuned="c" * 64, tuned_name="code")
UNIT = AlphaGrid.between(-0.25, 1.25, 13)


@cache
def plane(**asked: Any) -> Plane:
    return Plane.all_of(cliff_plane(examples=100, kinds=KINDS[2:3], **asked))[0]


def skewed() -> Plane:
    return plane(directions=(A, B), alpha=UNIT, beta=UNIT, geometry=PlaneGeometry(0.009 * ROOT, 0.008 * ROOT, 0.5))


def heavy(axes: Any) -> np.ndarray:
    """The line at which the capability stops being kept."""
    (line,) = [c for c in axes.collections if np.ravel(c.get_linewidths()).tolist() == [1.1]]
    return np.concatenate([path.vertices for path in line.get_paths() if len(path.vertices)])


def test_the_heavy_line_is_a_circle_at_the_known_radius() -> None:
    """J(r) ≥ 0.95 J(0) up to the r at which 5 of 100 examples have broken, in every direction of a skewed plane."""
    found = skewed()
    flat, *rest = draw(found).axes
    distance = np.hypot(*heavy(flat).T) / ROOT
    z = np.sort(np.random.default_rng(0).standard_normal((1, 100)))[0]
    known = KINDS[2].radius * np.exp(0.15 * z[5])
    assert distance == pytest.approx(known, rel=0.12), "within half a step of the grid"
    assert [a.name for a in rest if a.name == "3d"] == ["3d"]


def test_marks_ways_and_units() -> None:
    flat, *rest = draw(skewed()).axes
    (surface,) = (a for a in rest if a.name == "3d")
    named = [t.get_text() for t in flat.texts]
    assert named == ["toy", "a$b$<c>", "code"]
    assert [t.get_text() for t in surface.texts] == named
    dashed = [line for line in flat.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 3
    assert flat.get_xlabel() == "L2 distance toward a$b$<c>"
    square, *_ = draw(plane(directions=(A, gaussian(1)[0]), alpha=UNIT, geometry=PlaneGeometry(90.0, ROOT, 0.0))).axes
    assert square.get_xlabel() == "α toward a$b$<c> (share of the way)"
    assert square.get_ylabel() == "β along gaussian:0 (σ, noise per weight)"
    assert {a.get_xlabel() or a.get_ylabel() for a in square.child_axes} == {"L2 distance"}
    assert square.get_aspect() == pytest.approx(ROOT / 90.0), "distances are to scale"


def test_a_long_strip_is_not_drawn_to_scale() -> None:
    strip = plane(directions=(A, gaussian(1)[0]), alpha=UNIT, geometry=PlaneGeometry(2.0, ROOT, 0.0))
    assert draw(strip).axes[0].get_aspect() == "auto"


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_it_is_written_and_the_same_each_time(tmp_path: Path, kind: str, start: bytes) -> None:
    found = plane()
    first = save_plane_figure(found, tmp_path / f"one.{kind}").read_bytes()
    assert first.startswith(start)
    if kind == "svg":
        assert save_plane_figure(found, tmp_path / f"two.{kind}").read_bytes() == first


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="figure format"):
        save_plane_figure(plane(), tmp_path / "a.bmp")
    whole, empty = cliff_plane(examples=10), MemoryStore(identity())
    for task in whole.tasks():
        empty.register_task(task, [])
    for spec, why in whole.specs():
        empty.record_spec(spec, why)
    with pytest.raises(InputError, match="nothing on this plane was scored"):
        save_plane_figure(Plane.all_of(empty)[0], tmp_path / "a.png")


def test_the_figure_of_a_run_is_of_what_was_asked_last(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_plane(store, examples=10, kinds=KINDS[2:3])
    of_plane = save_run_figure(tmp_path / "run", tmp_path / "plane.svg").read_text("utf-8")
    with SqliteStore.create_or_open(tmp_path / "lines", identity()) as store:
        cliff_run(store, directions=2, examples=10, kinds=KINDS[2:3])
    of_lines = save_run_figure(tmp_path / "lines", tmp_path / "lines.svg").read_text("utf-8")
    assert "steps of 0.1 in the score" in of_plane
    assert "steps of 0.1 in the score" not in of_lines
