from __future__ import annotations

import builtins
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from corrie.analysis.landscape import Landscape
from corrie.errors import InputError, UnknownName
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.figure import draw, save_figure
from corrie.testing.cliff_run import KINDS, Kind, cliff_run

UNABLE = Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0)


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    kinds = (*KINDS[:3], UNABLE, KINDS[3]._replace(capability="a$b$<c>"))
    return Landscape.from_store(cliff_run(directions=3, examples=30, kinds=kinds))


@pytest.fixture(scope="module")
def few() -> Landscape:
    """Of every kind one: what is written takes as long as it has curves."""
    kinds = (UNABLE, KINDS[3]._replace(capability="a$b$<c>"))
    return Landscape.from_store(cliff_run(directions=3, examples=30, kinds=kinds))


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_it_is_written_and_the_same_each_time(few: Landscape, tmp_path: Path, kind: str, start: bytes) -> None:
    first = save_figure(few, tmp_path / f"one.{kind}").read_bytes()
    assert first.startswith(start)
    assert len(first) > 10_000
    assert save_figure(few, tmp_path / f"two.{kind}").read_bytes() == first
    if kind == "svg":
        ET.fromstring(first)


def test_it_shows_every_capability_with_its_level_edge_and_units(landscape: Landscape) -> None:
    basins = landscape.basins()
    *curves, nested = draw(landscape, basins).axes
    assert [axes.get_title(loc="left") or axes.get_title() for axes in curves] == [basin.task for basin in basins]
    for axes, basin in zip(curves, basins, strict=True):
        means = [line for line in axes.lines if line.get_marker() == "o"]
        curve = landscape.curve(basin.task)
        assert means[0].get_ydata().tolist() == curve.score.mean.tolist()
        marks = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
        assert marks == ([] if basin.sigma is None else [basin.sigma])
    names = [label.get_text() for label in nested.get_yticklabels()]
    assert set(names) == {basin.task for basin in basins}
    reach = {basin.task: basin.limit for basin in basins}
    known = [reach[name] for name in names if reach[name] == reach[name]]
    assert known == sorted(known)
    assert [axis.get_xlabel() for axis in nested.child_axes] == ["L2 distance", "% of a typical weight"]
    assert "no such capability" in [text.get_text() for text in nested.texts]


@pytest.mark.parametrize("alphas", ["0.0005:0.001:2", "0.1:0.2:2", "0", "-0.02:0.02:4"])
@pytest.mark.parametrize("normalisation", ["none", "filter"])
def test_every_kind_of_finding_can_be_drawn(tmp_path: Path, alphas: str, normalisation) -> None:
    store = cliff_run(
        directions=2, examples=20, kinds=KINDS[:1], alphas=AlphaGrid.parse(alphas), normalisation=normalisation
    )
    assert save_figure(Landscape.from_store(store), tmp_path / "x.svg").stat().st_size > 5000


def test_another_kind_of_file(landscape: Landscape, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Known: pdf, png, svg"):
        save_figure(landscape, tmp_path / "x.jpeg")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_what_to_install(landscape, tmp_path, monkeypatch) -> None:
    real = builtins.__import__

    def refuse(name, *args, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"pip install 'corrie\[report\]'"):
        save_figure(landscape, tmp_path / "x.pdf")
