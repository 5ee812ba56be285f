from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from corrie.analysis.landscape import Landscape
from corrie.analysis.together import Together
from corrie.analysis.way_out import Ratio
from corrie.errors import UnknownName
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.together_figure import draw, save_together
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run


def landscape(low: float, high: float, count: int) -> Landscape:
    grid = AlphaGrid.between(low, high, count)
    return Landscape.from_store(cliff_run(directions=3, examples=20, kinds=KINDS[:2], alphas=grid))


def test_both_units_and_every_way() -> None:
    both = Together.of([landscape(0.002, 0.02, 4), landscape(0.0002, 0.001, 3)])
    figure = draw(both)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [w.says for w in both.ways["language"]]
    assert len(figure.axes) == 2
    for axes, task in zip(figure.axes, both.tasks, strict=True):
        assert axes.get_xscale() == "log", "a hundredfold range"
        (above,) = axes.child_axes
        figure.draw_without_rendering()
        assert above.get_xlim()[1] == pytest.approx(axes.get_xlim()[1] * math.sqrt(MODEL.dimension), rel=1e-6)
        drawn = [line.get_xdata().tolist() for line in axes.lines if line.get_linewidth() == 1.5]  # type: ignore[union-attr]
        assert drawn == [w.sigma[1:].tolist() for w in both.ways[task.name]]


def test_a_short_range_is_linear_and_starts_at_the_model() -> None:
    both = Together.of([landscape(0.004, 0.02, 5)])
    axes = draw(both).axes[0]
    assert axes.get_xscale() == "linear"
    assert any(line.get_xdata()[0] == 0.0 for line in axes.lines if line.get_linewidth() == 1.5)  # type: ignore[index]


def test_the_ratio_stands_beside_its_edge() -> None:
    both = Together.of([landscape(0.004, 0.02, 5), landscape(0.002, 0.02, 5)])
    assert both.ways["language"][1].edge is not None
    sharp = replace(both.ways["language"][1], ratio=Ratio(value=33.3, known="at least"))
    ways = MappingProxyType(dict(both.ways) | {"language": (both.ways["language"][0], sharp)})
    figure = draw(replace(both, ways=ways))
    assert [[t.get_text() for t in axes.texts] for axes in figure.axes] == [["≥ 33.3×"], []]
    at_most = replace(sharp, ratio=Ratio(value=33.3, known="at most"))
    bounded = MappingProxyType(dict(both.ways) | {"language": (both.ways["language"][0], at_most)})
    (label,) = draw(replace(both, ways=bounded)).axes[0].texts
    assert label.get_text() == "≤ 33.3×"


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    both = Together.of([landscape(0.004, 0.02, 3)])
    first, second = (save_together(both, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second
    with pytest.raises(UnknownName, match="figure format"):
        save_together(both, tmp_path / "a.bmp")
