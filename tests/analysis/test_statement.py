"""Whoever writes a statement in one file of their own finds it in ``show``, in the report and in the exit code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from corrie.analysis.statement import Card, Chart, Line, Statement, Table, Terms, statements_in
from corrie.analysis.whole_file import write_whole
from corrie.cli.show import show_run
from corrie.cli.stating import state
from corrie.errors import ClaimError
from corrie.records.run_folder import RunFolder
from corrie.records.sqlite_store import SqliteStore
from corrie.reporting.html import write_report
from corrie.testing.cliff_run import KINDS, cliff_run, identity


@dataclass(frozen=True)
class Parity(Statement):
    """That a number is even."""

    kind: ClassVar[str] = "parity"
    many: ClassVar[str] = "parities"

    number: int
    title = "Parity"

    @property
    def holds(self) -> bool:
        return self.number % 2 == 0

    @property
    def finding(self) -> str:
        return f"{self.number} is {'even' if self.holds else 'odd'}"

    @property
    def terms(self) -> Terms:
        return Terms("1", "none", f"the number {self.number}", ("numbers stay as they are", "<b>two</b> is even"))

    @property
    def cards(self) -> tuple[Card, ...]:
        chart = Chart("Halves", "step", "half", (Line("half", (0.0, 1.0), (self.number / 2, None)),), (0.5, "half"))
        return (Card("halving", "even" if self.holds else "odd", ("it was halved",), (("Half", "exact"),), chart),)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (Table("Digits", ("digit", "times"), tuple((d, "1") for d in str(self.number))),)

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "holds": self.holds}

    def keep(self, run: RunFolder) -> Path:
        return write_whole(run.place(self.kind, str(self.number)), lambda f: f.write_text(json.dumps(self.to_json())))

    @classmethod
    def found_in(cls, run: RunFolder) -> Sequence["Parity"]:
        return [cls(json.loads(file.read_text())["number"]) for file in run.files(cls.kind)]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    with SqliteStore.create_or_open(tmp_path / "run", identity()):
        pass
    folder = RunFolder(tmp_path / "run")
    Parity(6).keep(folder)
    Parity(7).keep(folder)
    return folder


def test_it_prints_its_finding_first_and_each_term_on_a_line() -> None:
    assert str(Parity(6)).splitlines() == [
        "6 is even.",
        "Confidence: 1.",
        "Randomness: none.",
        "Object: the number 6.",
        "Assumption: numbers stay as they are.",
        "Assumption: <b>two</b> is even.",
    ]


def test_show(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert [str(one) for one in statements_in(run)] == [str(Parity(6)), str(Parity(7))]
    show_run(run.path, as_json=False, retention=None)
    assert capsys.readouterr().out == f"{Parity(6)}\n\n{Parity(7)}\n"
    show_run(run.path, as_json=True, retention=None)
    assert json.loads(capsys.readouterr().out)["parities"] == [Parity(6).to_json(), Parity(7).to_json()]


def test_the_report(run: RunFolder, tmp_path: Path) -> None:
    page = write_report([run.path], tmp_path / "report.html").read_text("utf-8")
    for words in (
        '<p class="lede">6 is even.</p>',
        "<dt>Assumption</dt><dd>&lt;b&gt;two&lt;/b&gt; is even</dd>",
        '<span class="badge odd">odd</span>',
        "<caption>Digits</caption>",
        'data-run="0" data-chart="1"',
        '"across":"step"',
    ):
        assert words in page, words
    with SqliteStore.create_or_open(run.path, identity()) as store:
        cliff_run(store, directions=1, examples=10, kinds=KINDS[:1])
    both = write_report([run.path], tmp_path / "both.html").read_text("utf-8")
    assert "6 is even." in both
    assert "The basins, nested" in both


@pytest.mark.parametrize("number", [6, 7])
def test_the_exit_code(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    if number == 6:
        state(Parity(6), "an even number", as_json=False)
    else:
        with pytest.raises(ClaimError, match="an even number: 7 is odd") as refused:
            state(Parity(7), "an even number", as_json=True)
        assert refused.value.exit_code == 3
    assert str(number) in capsys.readouterr().out
