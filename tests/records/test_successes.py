"""The successes of the first examples at a point are those of its cells, in order, cut at the limit."""

import pytest

from corrie.errors import RunError
from corrie.records.cell import CellKey
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import TaskRequest
from corrie.records.successes import finished_successes, stored_successes
from corrie.scanning.work import Known
from corrie.testing.cliff_run import KINDS, cliff_run


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 20])
def test_they_are_the_cells_own_cut_at_the_limit(limit: int) -> None:
    store = cliff_run(directions=1, examples=20, kinds=KINDS[:1])
    spec = store.specs()[0][0]
    request = TaskRequest(task=spec.tasks[0].task, limit=limit)
    for alpha in spec.alpha.values:  # type: ignore[union-attr]
        point = Point.along(gaussian(1)[0], alpha) if alpha else Point.origin()
        cells = [store.get(CellKey(point.id, request.task, block)) for block in (0, 1)]
        slow = tuple(o.success for cell in cells for o in cell.outcomes)[:limit]
        assert len(slow) == limit
        assert finished_successes(store, spec, point, request, "x") == slow
        assert Known(store.cells()).successes(spec, point, request) == slow


def test_while_one_block_is_missing_there_are_none() -> None:
    store = cliff_run(directions=1, examples=20, kinds=KINDS[:1])
    spec = store.specs()[0][0]
    more = TaskRequest(task=spec.tasks[0].task, limit=21)
    assert stored_successes(store, spec, Point.origin(), more) is None
    assert Known(store.cells()).successes(spec, Point.origin(), more) is None
    with pytest.raises(RunError, match=r"^the claim: .* is not scored yet"):
        finished_successes(store, spec, Point.origin(), more, "the claim")
