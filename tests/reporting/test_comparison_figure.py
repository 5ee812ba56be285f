from pathlib import Path

import pytest

from corrie.analysis.comparison import Comparison
from corrie.analysis.landscape import Landscape
from corrie.errors import UnknownName
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.comparison_figure import draw, save_comparison
from corrie.testing.cliff_run import KINDS, cliff_run


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    beyond = AlphaGrid.between(0.001, 0.002, 2)
    stores = (
        cliff_run(directions=3, examples=40),
        cliff_run(directions=3, examples=40, kinds=KINDS[:3]),
        cliff_run(directions=3, examples=40, alphas=beyond),
    )
    runs = {f"run {i} $x$": Landscape.from_store(store) for i, store in enumerate(stores)}
    return Comparison.of(runs)


@pytest.fixture(scope="module")
def small() -> Comparison:
    """What is written takes as long as it has rows and bars."""
    runs = (cliff_run(directions=3, examples=40, kinds=kinds) for kinds in (KINDS[:2], KINDS[1:2]))
    return Comparison.of({f"run {i} $x$": Landscape.from_store(store) for i, store in enumerate(runs)})


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_every_format_is_written_and_the_same_twice(small: Comparison, tmp_path: Path, kind: str) -> None:
    one, two = (save_comparison(small, tmp_path / f"{n}.{kind}") for n in "ab")
    assert one.stat().st_size > 3000
    assert one.read_bytes() == two.read_bytes()


def test_a_row_for_every_capability_a_bar_for_every_run(comparison: Comparison) -> None:
    figure = draw(comparison)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(comparison.nested(0))
    assert len(axes.patches) == 5 + 3 + 5
    assert sum(text.get_text() == "not measured" for text in axes.texts) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(comparison.names)


def test_another_ending(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        save_comparison(comparison, tmp_path / "figure.gif")
