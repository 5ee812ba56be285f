"""``--preset`` as it is typed: which tasks, steps and blocks a scan and a diff make of it, on toy tasks."""

import json
from pathlib import Path
from typing import Any

import pytest

from corrie.capabilities import presets
from corrie.capabilities.presets import Grid, Preset
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.toy_models import byte_tokenizer, toy_module
from corrie.testing.toy_tasks import toy_choice, toy_writing


@pytest.fixture(autouse=True)
def _of_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset asks two toy tasks, and has steps of its own for this family."""
    grids = (Grid("Llama", None, "0:0.02:3"), Grid("", None, "0:0.5:9"))
    monkeypatch.setitem(presets.PRESETS, "paper", Preset((("toy", 6), ("writing", 4)), "gaussian:3", grids))

    def toys(name: str, *, chat_template: bool, examples: int | None = None, **_: Any) -> list[tuple[Any, int]]:
        assert (name, chat_template) == ("paper", True)
        return [(task, examples or limit) for task, limit in ((toy_choice(), 6), (toy_writing(size=8), 4))]

    monkeypatch.setattr(presets, "preset_tasks", toys)


def test_a_scan_along_the_family_s_steps(corrie: Any, toy: Path, tmp_path: Path) -> None:
    said = corrie("scan", toy, "--preset", "paper", "--alpha", "preset", "--to", tmp_path / "run")
    assert said.code == 0
    with SqliteStore.open(tmp_path / "run") as store:
        scored = len(list(store.cells()))
        points = [point for point, _ in store.points().values()]
        assert store.identity.block == 6
    steps = {(step.direction.id.split("@")[0], step.alpha) for point in points for step in point.steps}
    assert steps == {("gaussian:3", 0.01), ("gaussian:3", 0.02)}
    assert scored == 2 * len(points) == 6


def test_what_it_costs_in_tokens(corrie: Any, toy: Path, tmp_path: Path) -> None:
    words = ["--preset", "paper", "--examples", "2", "--alpha", "preset", "--to", tmp_path / "run", "--dry-run"]
    said = corrie("scan", toy, *words)
    assert said.code == 0
    assert "3 points, at each 4 examples: " in said.out
    assert "Hours, at most: this machine " in said.out
    assert not (tmp_path / "run").exists()


def test_a_diff(corrie: Any, toy: Path, tmp_path: Path) -> None:
    tuned: Any = toy_module()
    for parameter in tuned.parameters():
        parameter.data *= 1.0001
    tuned.save_pretrained(tmp_path / "tuned")
    byte_tokenizer().save_pretrained(tmp_path / "tuned")
    words = ["--preset", "paper", "--examples", "5", "--quick", "--block", "5", "--to", tmp_path / "run", "--json"]
    said = corrie("diff", toy, tmp_path / "tuned", *words)
    assert [one["task"] for one in json.loads(said.out)["capabilities"]] == ["toy", "toy_writing"]
    assert "Tasks: toy:5, toy_writing:4." in said.err


CLAIMS = {
    "fraction": ["--sigma", "0.001", "--at-least", "0.5", "--confidence", "0.9"],
    "certify": ["--subspace", "adapter:q_proj:1", "--sigma", "0.05", "--draws", "2", "--selection-draws", "2"],
}


@pytest.mark.parametrize("command", CLAIMS)
def test_a_claim(corrie: Any, toy: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a task that the toy can do: of what nobody can do nothing is kept."""
    monkeypatch.setattr(presets, "preset_tasks", lambda _, *, examples, **__: [(toy_choice(), examples)])
    words = ["--preset", "paper", "--examples", "4", *CLAIMS[command], "--to", tmp_path / "run"]
    said = corrie(command, toy, *words)
    assert said.code in (0, 3), said.err
    assert "Tasks: toy:4." in said.err
    with SqliteStore.open(tmp_path / "run") as store:
        assert [task.name for task in store.tasks()] == ["toy"]
        assert store.identity.block == 4


@pytest.mark.parametrize("command", CLAIMS)
@pytest.mark.parametrize(
    ("words", "error"),
    [([], "no task: nothing that could be scored"), (["--examples", "4"], "--examples 4: no preset")],
)
def test_a_claim_of_nothing(corrie: Any, toy: Path, tmp_path: Path, command: str, words: list[str], error: str) -> None:
    said = corrie(command, toy, *words, *CLAIMS[command], "--to", tmp_path / "run")
    assert said.code == 2
    assert error in said.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--preset", "papre"], "no preset named 'papre'"),
        (["--preset", "paper", "-t", "math"], "it has its own tasks"),
        (["--alpha", "preset"], "--alpha preset: no preset"),
        (["--examples", "4"], "--examples 4: no preset"),
    ],
)
def test_words_that_do_not_go_together(corrie: Any, toy: Path, tmp_path: Path, words: list[str], error: str) -> None:
    said = corrie("scan", toy, *words, "--to", tmp_path / "run")
    assert said.code == 2
    assert error in said.err
    assert not (tmp_path / "run").exists()


def test_logged_samples_have_no_preset(corrie: Any, tmp_path: Path) -> None:
    said = corrie("diff", tmp_path, tmp_path, "--samples", "--preset", "paper")
    assert said.code == 2
    assert "--samples with --preset" in said.err
