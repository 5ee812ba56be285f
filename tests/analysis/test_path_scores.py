import pytest

import corrie
from corrie.analysis.landscape import Landscape
from corrie.analysis.path_scores import path_scores
from corrie.analysis.summary import summary
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.scan import Scan
from corrie.testing.cliff_run import cliff_run
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    directions = [corrie.quantised("int8"), corrie.quantised("int4")]
    return corrie.scan(toy_model(), [(toy_choice(), 10)], directions=directions, alpha="-1:1:3")


def test_every_path_has_its_own_line(landscape: Landscape) -> None:
    lines = path_scores(landscape)
    assert [line.direction for line in lines] == [d.id for d in landscape.directions]
    grid = landscape["toy"]
    for row, line in enumerate(lines):
        assert line.alphas == (-1.0, 0.0, 1.0)
        assert line.at(0.0) == float(grid.unmoved_score.mean())
        assert line.at(1.0) == float(grid.score.sel(alpha=1.0)[row].mean())
        assert line.distances[1] == 0.0
        assert line.distances[2] == float(landscape.steps.distance.sel(alpha=1.0)[row])
        assert line.at(0.5) is None
        assert str(line).startswith(f"toy along {line.direction}: ")


def test_only_paths_are_in_the_summary_as_such(landscape: Landscape) -> None:
    assert [p["direction"] for p in summary(landscape)["paths"]] == [d.id for d in landscape.directions]
    assert "paths" not in summary(Landscape.from_store(cliff_run(directions=2, examples=10)))


def test_edges_are_looked_for_on_the_way_to_the_end_only(landscape: Landscape) -> None:
    """Both sides of a random line are one draw; the two sides of a path are different things."""
    basin = landscape.basin("toy")
    assert (basin.status, basin.sigma, basin.tried) == ("no_sigma", None, (1.0, 1.0))


def test_what_was_not_scored_is_none() -> None:
    scan = Scan.of(
        toy_model(), [(toy_choice(), 10)], directions=[corrie.quantised("int4")], alpha=AlphaGrid.parse("0:1:2")
    )
    store = MemoryStore(scan.identity)
    scan.run(store, budget=0.0)
    (line,) = path_scores(Landscape.from_store(store))
    assert line.scores == (None,)
    assert str(line).endswith("not scored yet")
