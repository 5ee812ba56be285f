"""The command line in this process, a toy checkpoint and a toy task, for every test of a command."""

import signal
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest

from corrie.cli.main import main
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import save_toy_task


class Said(NamedTuple):
    code: int
    out: str
    err: str


class Corrie:
    """Runs the command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Said:
        self.monkeypatch.setattr(sys, "argv", ["corrie", *map(str, arguments)])
        self.monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        return Said(code, out, err)


@pytest.fixture
def corrie(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Corrie:
    return Corrie(monkeypatch, capsys)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("toy") / "toy")


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_task(tmp_path_factory.mktemp("task") / "letters.jsonl", toy_model())
