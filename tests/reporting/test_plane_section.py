"""Planes in the report: alone or beside lines, all of their numbers, hostile names as text."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from corrie.analysis.plane import Plane
from corrie.analysis.plane_geometry import PlaneGeometry
from corrie.records.memory_store import MemoryStore
from corrie.records.paths import Difference
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.html import write_report
from corrie.reporting.plane_payload import plane_payload
from corrie.testing.cliff_plane import cliff_plane
from corrie.testing.cliff_run import HOSTILE, KINDS, MODEL, cliff_run, identity

ROOT = math.sqrt(MODEL.dimension)
A = Difference(base="a" * 64, tuned="b" * 64, tuned_name="chat")
EVIL = Difference(base="a" * 64, tuned="c" * 64, tuned_name=HOSTILE[0])
UNIT = AlphaGrid.between(0.0, 1.0, 5)


def skewed(cosine: float = 0.6) -> MemoryStore:
    lies = PlaneGeometry(0.01 * ROOT, 0.008 * ROOT, cosine)
    return cliff_plane(  # type: ignore[return-value]
        examples=20, kinds=KINDS[2:3], directions=(A, EVIL), alpha=UNIT, beta=UNIT, geometry=lies
    )


def numbers(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="corrie-data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_a_run_of_planes_alone(tmp_path: Path) -> None:
    page = write_report([skewed()], tmp_path / "r.html").read_text("utf-8")
    (run,) = numbers(page)["runs"]
    assert len(run["planes"]) == 1
    assert "The basins, nested" not in page
    assert "The plane of toward chat and toward &lt;/script&gt;" in page
    assert HOSTILE[0] not in page
    assert "at an angle of 53°, and the plane is drawn with that angle" in page
    assert [m["name"] for m in run["planes"][0]["marks"]] == ["toy", "chat", HOSTILE[0]]
    assert re.findall(r'data-figure="(\w+)"', page) == ["contour", "lossContour", "surface"]


def test_lines_and_planes_of_one_run(tmp_path: Path) -> None:
    store = MemoryStore(identity())
    cliff_run(store, directions=2, examples=20, kinds=KINDS[:1])
    cliff_plane(store, examples=20, kinds=KINDS[2:3])
    page = write_report([store], tmp_path / "r.html").read_text("utf-8")
    lines, planes = numbers(page)["runs"]
    assert [t["name"] for t in lines["tasks"]] == ["language"]
    assert [t["name"] for t in planes["planes"][0]["tasks"]] == ["math"]
    assert 'data-run="1" data-plane="0"' in page
    assert "The basins, nested" in page


@pytest.mark.parametrize("cosine", [0.6, -0.5, 0.0])
def test_contours_and_surfaces_stand_where_the_points_are(cosine: float) -> None:
    (plane,) = Plane.all_of(skewed(cosine))
    told = plane_payload(plane)
    (task,) = told["tasks"]
    assert np.shape(task["score"]) == np.shape(told["x"]) == (5, 5)
    assert np.allclose(task["score"], plane.score("math").T)
    x, y = np.array(told["x"]), np.array(told["y"])
    assert np.hypot(x, y).max() == pytest.approx(float(np.nanmax(plane.steps.asked)), rel=1e-4)
    assert told["square"] == (cosine == 0)
    score = np.array(task["flat"]["score"], float)
    if cosine == 0:
        assert np.allclose(score, plane.score("math").T)
        return
    assert np.isfinite(score).all(), "beside the plane its edge goes on, under a cover"
    assert told["flat"]["outline"][2] == pytest.approx([x[-1, -1], y[-1, -1]])
    for mark, height in zip(told["marks"], task["heights"], strict=True):
        i = np.abs(np.array(told["flat"]["x"]) - mark["x"]).argmin()
        j = np.abs(np.array(told["flat"]["y"]) - mark["y"]).argmin()
        near = score[max(j - 1, 0) : j + 2, max(i - 1, 0) : i + 2]
        assert np.nanmin(np.abs(near - height)) < 0.12
    assert len(task["ways"]) == 3
    assert task["ways"][0]["z"][-1] == task["heights"][1]


def test_a_plane_that_has_not_ended_says_so(tmp_path: Path) -> None:
    whole, half = skewed(), MemoryStore(identity())
    for task in whole.tasks():
        half.register_task(task, [])
    for spec, why in whole.specs():
        half.record_spec(spec, why)
    for key in sorted(whole.keys())[::2]:
        half.put(whole.get(key))
        half.record_point(*whole.points()[key.point])
    page = write_report([half], tmp_path / "r.html").read_text("utf-8")
    assert "outcomes are missing for math" in page
    numbers(page)
