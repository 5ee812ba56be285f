import pytest

from corrie.cli import progress
from corrie.cli.progress import ScanProgress
from corrie.errors import InputError
from corrie.questions.terms import read_duration
from corrie.records.cell import Cell, Outcome
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.records.store import Realised

OUTCOMES = tuple(Outcome(id=n, success=s, label="unscored") for n, s in {"a": 1.0, "b": 0.0, "c": None}.items())
STEP = Point.along(Gaussian(seed=4), 0.02)


def play(watch: ScanProgress) -> None:
    with watch:
        watch.begins(0, 8)
        for point in (Point.origin(), STEP):
            watch.arrives(point, Realised(asked=1.0, norm=1.0, cosine=1.0))
            for block in range(4):
                watch.acknowledges(Cell(point=point.id, task="t", block=block, outcomes=OUTCOMES))


def test_plain_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PLAIN_EVERY", 0.0)
    watch = ScanProgress(terminal=False)
    play(watch)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "1 of 8 cells, the unmoved model"
    assert any("α = 0.02 along gaussian:4, about" in line and line.endswith("s left") for line in lines)
    assert lines[-2].startswith("8 of 8 cells")
    assert lines[-1] == "Scored 16 outcomes in 8 cells: 0 s, 0 CPU-seconds."
    assert watch.made == 8


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    play(ScanProgress(terminal=True))
    assert "100 %" in capsys.readouterr().err


def test_what_was_done_before_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with ScanProgress(terminal=False) as watch:
        watch.begins(40, 80)
    assert "Continuing: 40 cells are in the run already." in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("45", 45), ("1.5m", 90)])
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "ten", "-5m", "0s", "5 days"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(InputError, match="no length of time"):
        read_duration(text)
