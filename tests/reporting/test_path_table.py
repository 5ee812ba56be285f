from rich.console import Console

import corrie
from corrie.analysis.path_scores import path_scores
from corrie.reporting.path_table import paths_table
from corrie.reporting.words import along_paths, caution
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice


def test_one_row_for_each_path_and_task() -> None:
    grids = [corrie.quantised("int8"), corrie.quantised("int4")]
    landscape = corrie.scan(toy_model(), [(toy_choice(), 10)], directions=grids, alpha="0:1:3")
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(paths_table(landscape).drawn())
    rows = [line for line in capture.get().splitlines() if "@rtn-1" in line]
    for row, line in zip(rows, path_scores(landscape), strict=True):
        assert row.split() == [line.direction, "toy", *(f"{s:.3f}" for s in line.scores), f"{line.distances[2]:.4g}"]
    assert "quantised:int8/row@rtn-1: toy 1.00 → 1.00" in along_paths(landscape)
    assert not any("Indicative" in said for said in caution(landscape, landscape.basins()))


def test_steps_that_do_not_reach_the_end() -> None:
    landscape = corrie.scan(toy_model(), [(toy_choice(), 10)], directions=[corrie.quantised("int8")], alpha="0:0.5:2")
    assert "have not been scored" in along_paths(landscape)
