"""A cell has a text exactly where its numbers are numbers."""

from __future__ import annotations

import math

import pytest

from corrie.records.cell import Cell, Outcome


@pytest.mark.parametrize("number", [None, 0.0, 1.0, 1e300, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["success", "loss"])
def test_it_is_writable_where_it_has_a_text(field: str, number: float | None) -> None:
    told = {"id": "a", "success": 1.0, "label": "right", "answer": "\ud800\0"} | {field: number}
    fine = Outcome(id="b", success=None, label="unscored")
    cell = Cell(point="p", task="t", block=0, outcomes=(fine, Outcome.model_validate(told)))
    assert cell.writable == (number is None or math.isfinite(number))
    if cell.writable:
        assert cell.text()
    else:
        with pytest.raises(ValueError, match="JSON"):
            cell.text()
