"""From a fine-tune to the statement: the draws are around it, the same call goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.analysis.generalisation import Generalisation
from corrie.errors import InputError, RunError
from corrie.records.memory_store import MemoryStore
from corrie.scanning.generalisation_scan import GeneralisationScan
from corrie.subspaces.stand import stand
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

SUBSPACE, SIGMA, LIMIT = "core:all:1", 0.25, 20


@pytest.fixture(scope="module")
def model() -> Any:
    return toy_model()


@pytest.fixture(scope="module")
def task(model: Any) -> Any:
    return toy_choice(model, size=LIMIT)


@pytest.fixture(scope="module")
def tuned(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corrie.smoothed(model, (SUBSPACE, 1.0)).save(tmp_path_factory.mktemp("tuned") / "tuned", seed=3)


def prepared(model: Any, task: Any, tuned: Path, **changes: Any) -> GeneralisationScan:
    served = corrie.smoothed(model, (SUBSPACE, SIGMA), tuned)
    terms = {"sigma": SIGMA, "draws": 9, "confidence": 0.9, "lattice": served.lattice, "rows": 4} | changes
    place = stand(model, served.space, str(tuned), lattice=served.lattice)
    return GeneralisationScan.of(model, [(task, LIMIT)], served.space, place, **terms)


def test_the_scores_are_those_of_the_model_drawn_around_the_fine_tune(model: Any, task: Any, tuned: Path) -> None:
    scan = prepared(model, task, tuned)
    found = scan.run(MemoryStore(scan.identity))
    served = corrie.smoothed(model, (SUBSPACE, SIGMA), tuned)

    def score() -> float:
        return sum(o.success or 0 for o in task.score(model.reader(), 0, LIMIT)) / LIMIT

    slow = []
    for i in range(9):
        with served.drawn(scan.spec.first + i):
            slow.append(score())
    (share,) = found.tasks
    assert share.scores == tuple(slow)
    assert len(set(slow)) > 1
    assert share.unmoved == score() == 1.0
    assert share.ratio == pytest.approx(served.distance / SIGMA)
    assert share.tuned != share.unmoved


def test_the_same_call_goes_on(model: Any, task: Any, tuned: Path, tmp_path: Path) -> None:
    options = {"subspace": SUBSPACE, "sigma": SIGMA, "confidence": 0.9, "to": tmp_path / "run"}
    few = corrie.generalise(model, tuned, [(task, LIMIT)], draws=4, **options)
    more = corrie.generalise(model, tuned, [(task, LIMIT)], draws=9, **options)
    assert more.tasks[0].scores[:4] == few.tasks[0].scores
    assert corrie.generalise(model, tuned, [(task, LIMIT)], draws=9, **options).to_json() == more.to_json()
    assert len(list((tmp_path / "run").glob("generalisation-*.json"))) == 2
    whole = prepared(model, task, tuned)
    assert whole.run(MemoryStore(whole.identity)).tasks[0].scores == more.tasks[0].scores


def test_what_is_missing_is_not_made_up(model: Any, task: Any, tuned: Path) -> None:
    scan = prepared(model, task, tuned, draws=2)
    store = MemoryStore(scan.identity)
    scan.run(store)
    with pytest.raises(RunError, match="is not scored yet"):
        Generalisation.from_store(store, scan.spec.model_copy(update={"draws": 3}), 14)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sigma": 0.0}, "sigma 0"),
        ({"draws": 0}, "0 draws"),
        ({"choices": 0}, "0 choices"),
        ({"rows": 0}, "0 rows"),
        ({"confidence": 1.0}, "confidence 1.0"),
    ],
    ids=str,
)
def test_what_cannot_be_meant(model: Any, task: Any, tuned: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        prepared(model, task, tuned, **change)
