from __future__ import annotations

import io

import pytest
from rich.console import Console

from corrie.analysis.landscape import Landscape
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.sheet import drawn
from corrie.reporting.table import basins_table
from corrie.testing.cliff_run import KINDS, Kind, cliff_run

UNABLE = Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0)


def printed(*kinds: Kind, alphas: str = "0.002:0.024:12", width: int = 130, **options) -> str:
    store = cliff_run(kinds=kinds, alphas=AlphaGrid.parse(alphas), **options)
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(drawn(basins_table(Landscape.from_store(store))))
    return out.getvalue()


def test_one_row_for_each_task_with_its_numbers() -> None:
    landscape = Landscape.from_store(cliff_run(alphas=AlphaGrid.parse("0.002:0.024:12")))
    text = printed(*KINDS)
    for basin in landscape.basins():
        at, flips = (i for i, line in enumerate(text.splitlines()) if line.startswith(basin.task))
        row, *others = text.splitlines()[at : at + 4]
        for radius, line in zip(basin.radii[1:], others, strict=False):
            assert f"{radius.retention:.0%}".replace("%", " %") in line
            assert f"[{radius.low:.3g}, {radius.high:.3g}]" in line
        assert f"crossed ≤ {basin.crossed.sigma:.3g}" in others[-1] if basin.crossed else False
        assert "%" in text.splitlines()[flips]
        assert f"≤ {basin.sigma:.3g}" in row
        assert f"[{basin.sigma_low:.3g}, {basin.sigma_high:.3g}]" in row
        assert f"{basin.score:.3f}" in row
        assert "8 × 100" in row
        assert f"≤ {basin.l2:.3g}" in row
    assert "95 % kept, 95 % confidence" in text
    assert "dequantised" in text


@pytest.mark.parametrize(
    ("kind", "alphas", "words"),
    [
        (KINDS[0], "0.001:0.003:3", ("> 0.003", "∞)", "> beyond the largest")),
        (KINDS[0], "0.05:0.06:3", ("< 0.05", "[0, 0.05]", "< before the smallest")),
        (UNABLE, "0.002:0.024:12", ("no such capability",)),
        (KINDS[0], "0", ("not measured yet",)),
    ],
)
def test_what_is_no_number_is_said(kind: Kind, alphas: str, words: tuple[str, ...]) -> None:
    text = printed(kind, alphas=alphas)
    for word in words:
        assert word in text


def test_names_are_no_markup_and_small_scans_are_indicative() -> None:
    text = printed(KINDS[0]._replace(capability="[red]x[/red]"), directions=2, examples=10)
    assert "[red]x[/red]" in text
    assert "2 × 10*" in text
    assert "indicative" in text


def test_normalised_directions() -> None:
    assert "edges only, in α" in printed(KINDS[0], normalisation="unit")
