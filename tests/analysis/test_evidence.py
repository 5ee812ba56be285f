"""What a certificate rests on is whole, or it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from corrie.analysis.evidence import Evidence, TaskEvidence
from corrie.errors import CorrieError, InputError
from corrie.testing.check_store import TASK


def evidence(*rows: Any, examples: int = 4) -> TaskEvidence:
    ids = tuple(str(i) for i in range(examples))
    return TaskEvidence(task=TASK, examples=ids, unmoved=rows[0], selection=(), draws=rows)


def test_unscored_counts_as_0() -> None:
    found = evidence("1-01", (0.5, None, 0.25, 1.0))
    assert found.outcomes(found.draws[0]) == [1.0, 0.0, 0.0, 1.0]
    assert (found.score(found.draws[0]), found.score(found.draws[1])) == (0.5, 0.4375)


@pytest.mark.parametrize("row", ["101", "10111", "10x1", (0.5, None, 1.0), (0.5, 1.5, 0.0, 0.0), (0.5, -0.1, 0.0, 0.0)])
def test_a_row_that_is_no_list_of_scores_is_refused(row: Any) -> None:
    with pytest.raises(InputError, match="no list of its examples"):
        evidence("1111", row)


def test_it_comes_back_from_its_text(make_evidence: Callable[..., Evidence]) -> None:
    made = make_evidence()
    assert Evidence.parse(made.text()) == made
    assert made.file_name == f"outcomes-{made.digest[:12]}.json"


@pytest.mark.parametrize("part", ["draws", "selection"])
def test_no_draw_may_be_left_out_or_added(make_evidence: Callable[..., Evidence], part: str) -> None:
    made = make_evidence()
    rows = getattr(made.tasks[0], part)
    for other in (rows[1:], (*rows, rows[0])):
        task = made.tasks[0].model_copy(update={part: other})
        with pytest.raises(CorrieError):
            Evidence.parse(made.model_copy(update={"tasks": (task,)}).canonical())


def test_tasks_are_those_of_the_design(make_evidence: Callable[..., Evidence]) -> None:
    made = make_evidence(names=("a", "b"))
    for tasks in (made.tasks[:1], made.tasks[::-1]):
        with pytest.raises(CorrieError):
            Evidence.parse(made.model_copy(update={"tasks": tasks}).canonical())
