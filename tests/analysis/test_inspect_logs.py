"""A run as logs of Inspect: every outcome is in one, with where it was scored; nothing of a harmful request is."""

import json
from pathlib import Path
from typing import Any

import pytest

from corrie.analysis.inspect_logs import export_logs, inspect_logs
from corrie.errors import InputError, RunError
from corrie.records.cell import Cell, Outcome
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid
from corrie.testing.cliff_plane import cliff_plane
from corrie.testing.cliff_run import KINDS, SAFETY, cliff_run

ALPHAS = (0.003, 0.006, 0.009, 0.012)


@pytest.fixture(scope="module")
def store() -> Any:
    alphas = AlphaGrid.between(0.003, 0.012, 4)
    return cliff_run(directions=2, examples=15, alphas=alphas, kinds=(KINDS[0], KINDS[2], SAFETY))


@pytest.fixture(scope="module")
def logs(store: Any) -> list[dict[str, Any]]:
    return [log.content for log in inspect_logs(store)]


def test_every_outcome_is_in_one_log(store: Any, logs: list[dict[str, Any]]) -> None:
    names = {task.id: task.name for task in store.tasks()}
    places = {id: (p.steps[0].direction.id, p.steps[0].alpha) if p.steps else ("origin", 0.0) for id, (p, _) in
              store.points().items()}  # fmt: skip
    expected = {
        (names[cell.task], *places[cell.point], o.id, o.success, o.label)
        for cell in store.cells()
        for o in cell.outcomes
    }
    found = [
        (log["eval"]["task"], log["eval"]["task_args"]["direction"], log["eval"]["task_args"]["alpha"], s["id"],
         *(score["value"] for score in s["scores"].values()), s["metadata"]["label"])
        for log in logs
        for s in log["samples"]
    ]  # fmt: skip
    assert len(found) == len(set(found)) == 3 * (1 + 2 * len(ALPHAS)) * 15
    assert set(found) == expected


def test_a_log_s_score_is_the_mean_of_its_samples(logs: list[dict[str, Any]]) -> None:
    for log in logs:
        (score,) = log["results"]["scores"]
        values = [s["scores"][score["name"]]["value"] for s in log["samples"]]
        assert score["metrics"]["mean"]["value"] == pytest.approx(sum(values) / 15)
        assert (score["scored_samples"], log["results"]["total_samples"]) == (15, 15)


def test_the_unmoved_model_comes_first_and_every_place_says_how_far_it_is(logs: list[dict[str, Any]]) -> None:
    args = [log["eval"]["task_args"] for log in logs if log["eval"]["task"] == KINDS[0].capability]
    assert [a["direction"] for a in args].index("origin") == 0
    assert {round(a["sigma"], 4) for a in args} == {0.0, *ALPHAS}
    assert all(a["distance"] > 0 for a in args[1:])


def test_nothing_of_a_harmful_request_is_written(store: Any, logs: list[dict[str, Any]]) -> None:
    said = {o.answer for cell in store.cells() for o in cell.outcomes if cell.task.startswith(SAFETY.capability)} - {""}
    text = json.dumps([log for log in logs if log["eval"]["task"] == SAFETY.capability])
    assert "(an answer to a harmful request, not shown)" in text
    assert said
    assert not any(json.dumps(answer)[1:-1] in text for answer in said)
    shown = json.dumps([log for log in logs if log["eval"]["task"] == KINDS[0].capability])
    assert "not shown" not in shown


def test_a_place_of_two_steps() -> None:
    store = cliff_plane(examples=4)
    found = [log.content["eval"]["task_args"] for log in inspect_logs(store)]
    both = [args for args in found if "second" in args]
    assert both
    assert all({"direction", "alpha", "second", "beta", "distance"} <= set(args) for args in both)
    assert len({json.dumps(args) for args in both}) * len(store.tasks()) == len(both)


def test_an_unscored_example_has_no_score(store: Any) -> None:
    (task, *_) = store.tasks()
    kept = MemoryStore(store.identity)
    kept.register_task(task, store.cards(task.id))
    cards = store.cards(task.id)[: store.identity.block]
    outcomes = [Outcome(id=cards[0].id, success=None, label="unscored", answer="half \ud800")]
    outcomes += [Outcome(id=card.id, success=1.0, label="right") for card in cards[1:]]
    kept.record_point(Point.origin(), store.points()[Point.origin().id][1])
    kept.put(Cell(point=Point.origin().id, task=task.id, block=0, outcomes=tuple(outcomes)))
    ((_, log),) = inspect_logs(kept)
    assert log["samples"][0]["scores"] == {}
    assert log["samples"][0]["output"]["choices"][0]["message"]["content"] == "half \\ud800"
    assert log["results"]["scores"][0]["unscored_samples"] == 1
    assert log["results"]["scores"][0]["metrics"]["mean"]["value"] == 1.0


def test_a_folder_is_written_whole_or_not_at_all(store: Any, tmp_path: Path) -> None:
    folder = export_logs(store, tmp_path / "logs")
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) == 3 * (1 + 2 * len(ALPHAS))
    assert all(len(name.split("_")) == 3 for name in names)
    assert len({json.loads(file.read_text())["eval"]["task_id"] for file in folder.iterdir()}) == len(names)
    with pytest.raises(InputError, match="it is there already"):
        export_logs(store, folder)
    with pytest.raises(RunError, match="nothing was scored yet"):
        export_logs(MemoryStore(store.identity), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_inspect_reads_them(store: Any, tmp_path: Path) -> None:
    """Where inspect-ai is installed; it brings a hundred packages, so the development environment has none of it."""
    log = pytest.importorskip("inspect_ai.log")
    folder = export_logs(store, tmp_path / "logs")
    listed = log.list_eval_logs(str(folder))
    assert len(listed) == 3 * (1 + 2 * len(ALPHAS))
    for info, content in zip(sorted(listed, key=lambda i: i.name), sorted(folder.iterdir()), strict=True):
        read, written = log.read_eval_log(info), json.loads(content.read_text(encoding="utf-8"))
        assert read.status == "success"
        assert [s.id for s in read.samples] == [s["id"] for s in written["samples"]]
        assert (
            read.results.scores[0].metrics["mean"].value == written["results"]["scores"][0]["metrics"]["mean"]["value"]
        )
        assert read.eval.task_args == written["eval"]["task_args"]
