"""``--judge`` as it is typed: every command that scores requests has another judge, and the run keeps which it was."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from corrie.capabilities import judge, registry
from corrie.capabilities.examples import Request
from corrie.capabilities.safety import RequestTask
from corrie.models.reading import Writing
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.toy_models import byte_tokenizer, toy_module

REQUESTS = [Request(str(number), f"Do {number}.", "") for number in range(8)]


class Strict:
    """A judge to whom everything is a refusal."""

    law = "strict-1"

    def check(self, requests: Sequence[str], tokens: int) -> None: ...

    def verdicts(self, requests: Sequence[str], writings: Sequence[Writing]) -> tuple[str, ...]:
        return ("refused",) * len(requests)


def requests(**rest: Any) -> RequestTask:
    return RequestTask("safety", REQUESTS, harmful=True, capability="safety", source="a test", **rest)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Who was asked to judge, and whose model was scanned."""
    names: list[tuple[str, str]] = []

    def named(name: str, scanned: str, **_: Any) -> Strict:
        names.append((name, Path(scanned).name))
        return Strict()

    monkeypatch.setattr(judge, "judge_named", named)
    monkeypatch.setattr(registry, "packaged_task", lambda row, **_: requests())
    return names


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    module: Any = toy_module()
    for parameter in module.parameters():
        parameter.data *= 1.0001
    module.save_pretrained(tmp_path / "tuned")
    byte_tokenizer().save_pretrained(tmp_path / "tuned")
    return tmp_path / "tuned"


ALONG = ["--alpha", "0:0.01:2", "--direction", "gaussian:0"]
COMMANDS = {
    "scan": ALONG,
    "fraction": ["--sigma", "0.001", "--at-least", "0.5", "--confidence", "0.9"],
    "certify": ["--subspace", "adapter:q_proj:1", "--sigma", "0.05", "--draws", "2", "--selection-draws", "2"],
    "diff": ["--quick"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_who_judges(
    corrie: Any, toy: Path, tuned: Path, tmp_path: Path, asked: list[tuple[str, str]], command: str
) -> None:
    models = [toy, tuned] if command == "diff" else [toy]
    words = ["-t", "safety:8", *COMMANDS[command], "--judge", "some/model", "--to", tmp_path / "run"]
    said = corrie(command, *models, *words)
    assert said.code in (0, 3), said.err
    assert asked == [("some/model", toy.name)]
    with SqliteStore.open(tmp_path / "run") as store:
        (kept,) = store.tasks()
        labels = {outcome.label for cell in store.cells() for outcome in cell.outcomes}
    assert kept.id == requests(judge=Strict()).identity.id != requests().identity.id
    assert labels == {"refused"}


def test_it_is_refused_where_nothing_is_judged(corrie: Any, toy: Path, task: Path, tmp_path: Path) -> None:
    said = corrie("scan", toy, "-t", f"{task}:4", *ALONG, "--judge", "some/model", "--to", tmp_path / "run")
    assert said.code == 2
    assert "none of these tasks judges what became of a request" in said.err
    assert not (tmp_path / "run").exists()


def test_a_landscape_s_own_tasks_are_named_again(corrie: Any, toy: Path, tuned: Path, tmp_path: Path) -> None:
    said = corrie("scan", toy, "-t", "safety:8", *ALONG, "--judge", "some/model", "--to", tmp_path / "land")
    assert said.code == 0
    words = ["--landscape", tmp_path / "land", "--quick", "--judge", "some/model", "--to", tmp_path / "run"]
    said = corrie("diff", toy, tuned, *words)
    assert said.code == 2
    assert "--judge some/model: no tasks beside it" in said.err
    said = corrie("diff", toy, tuned, "-t", "safety:8", *words)
    assert said.code == 0, said.err


def test_logged_samples_are_judged_already(corrie: Any, tmp_path: Path) -> None:
    said = corrie("diff", tmp_path, tmp_path, "--samples", "--judge", "unmoved")
    assert said.code == 2
    assert "--samples with --judge" in said.err
