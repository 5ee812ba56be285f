from __future__ import annotations

import numpy as np

from corrie.analysis.landscape import Landscape
from corrie.records.point import Point
from corrie.reporting.answers import LONGEST, answers, telling
from corrie.testing.cliff_run import KINDS, SAFETY, cliff_run


def test_each_entry_is_the_stored_outcome() -> None:
    store = cliff_run(directions=3, examples=25, kinds=(KINDS[2],))
    landscape = Landscape.from_store(store)
    (shown,) = answers(store, landscape)
    assert shown["directions"] == [line.id for line in landscape.directions[:2]]
    assert shown["alphas"][0] == 0.0
    outcomes = {(cell.point, o.id): o for cell in store.cells() for o in cell.outcomes}
    for example in shown["examples"]:
        for line, entries in zip(landscape.directions, example["lines"], strict=False):
            for alpha, entry in zip(shown["alphas"], entries, strict=True):
                outcome = outcomes[Point.along(line, alpha).id, example["id"]]
                assert entry == [outcome.label, outcome.success, outcome.answer]
    cards = {card.id: card for card in store.cards(landscape.tasks[0].id)}
    assert [e["prompt"] for e in shown["examples"]] == [cards[e["id"]].prompt for e in shown["examples"]]


def test_texts_of_sensitive_tasks_are_withheld_unless_asked_for() -> None:
    store = cliff_run(directions=1, examples=20, kinds=(SAFETY,))
    landscape = Landscape.from_store(store)
    (withheld,), (shown,) = answers(store, landscape), answers(store, landscape, show_sensitive=True)
    assert withheld["withheld"]
    assert not shown["withheld"]
    for example, open_ in zip(withheld["examples"], shown["examples"], strict=True):
        assert example["id"] == open_["id"]
        assert example["prompt"] == example["target"] == ""
        assert open_["prompt"]
        labels = {entry[0] for entry in example["lines"][0]}
        assert labels <= {"refused", "complied", "collapsed"}
        assert {entry[2] for entry in example["lines"][0]} == {""}
        assert any(entry[2] for entry in open_["lines"][0])


def test_what_was_not_scored_is_none_and_long_texts_are_cut() -> None:
    store = cliff_run(directions=2, examples=10, kinds=(KINDS[2],))
    gone = next(cell for cell in store.cells() if cell.point != Point.origin().id)
    del store._cells[gone.key]
    for key, cell in store._cells.items():
        outcomes = tuple(o.model_copy(update={"answer": "x" * 9000}) for o in cell.outcomes)
        store._cells[key] = cell.model_copy(update={"outcomes": outcomes})
    (shown,) = answers(store, Landscape.from_store(store))
    first = shown["examples"][0]["lines"][0]
    assert first[1] is None
    assert len(first[0][2]) == LONGEST


def test_examples_that_tell_most() -> None:
    moved = np.ones((1, 5, 6))
    for example, lost in enumerate((5, 1, 3, 2, 4)):
        moved[0, lost:, example] = 0
    unmoved = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    assert telling(unmoved, moved) == [1, 2, 0, 5]
    assert telling(np.array([np.nan, 0.0]), np.zeros((1, 1, 2))) == [1]
    assert telling(np.array([np.nan]), np.zeros((0, 0, 1))) == []
