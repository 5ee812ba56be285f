"""What ``corrie show`` printed is printed again only where nothing has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from corrie.cli import show
from corrie.cli.kept_reading import MOST_READINGS, KeptReading
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import cliff_run, identity


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("corrie.cli.kept_reading._kinds_of_others", lambda: False)
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_run(store, directions=1, examples=10)
    return tmp_path / "run"


def test_the_second_time_nothing_is_read_and_the_same_is_said(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {}
    for as_json in (False, True):
        show.show_run(run, as_json=as_json, retention=None)
        said[as_json] = capsys.readouterr().out
    monkeypatch.setattr(show, "_read", lambda *asked: pytest.fail("it is kept"))
    for as_json in (False, True):
        show.show_run(run, as_json=as_json, retention=None)
        assert capsys.readouterr().out == said[as_json]
    assert said[True] != said[False]


@pytest.mark.parametrize("change", ["cells", "a file", "the question", "the terminal", "the code", "other kinds"])
def test_whatever_a_reading_follows_from_is_part_of_its_name(
    change: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"retention": None}
    KeptReading(run, asked).keep("what was printed")
    assert KeptReading(run, asked).read() == "what was printed"
    match change:
        case "cells":
            with SqliteStore.create_or_open(run, identity()) as store:
                cliff_run(store, directions=2, examples=10)
        case "a file":
            (run / "certificate-0.json").write_text("{}")
        case "the question":
            asked = {"retention": 0.5}
        case "the terminal":
            monkeypatch.setenv("NO_COLOR", "1")
        case "the code":
            monkeypatch.setattr("corrie.cli.kept_reading._places", lambda folder: [["new.py", 1, 1]])
        case "other kinds":
            monkeypatch.setattr("corrie.cli.kept_reading._kinds_of_others", lambda: True)
    assert KeptReading(run, asked).read() is None


def test_a_folder_that_changed_meanwhile_and_a_cache_that_cannot_be_written_keep_nothing(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = KeptReading(run, {})
    (run / "certificate-0.json").write_text("{}")
    before.keep("of the time before")
    assert before.read() is None
    monkeypatch.setenv("CORRIE_CACHE", str(run / "run.db"))
    KeptReading(run, {}).keep("nowhere")
    assert KeptReading(run, {}).read() is None


def test_the_oldest_go(run: Path) -> None:
    for number in range(MOST_READINGS + 3):
        KeptReading(run, {"number": number}).keep(str(number))
    assert sum(KeptReading(run, {"number": n}).read() is not None for n in range(MOST_READINGS + 3)) == MOST_READINGS


def test_a_reading_with_a_warning_is_not_kept(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import warnings

    def read(*asked: object) -> str:
        warnings.warn("mind this", UserWarning, stacklevel=1)
        return "a reading"

    told: list[str] = []
    monkeypatch.setattr(show, "_read", read)
    monkeypatch.setattr(warnings, "showwarning", lambda message, *more: told.append(str(message)))
    warnings.simplefilter("always")
    for _ in range(2):
        show.show_run(run, as_json=False, retention=None)
    assert told == ["mind this"] * 2
    assert capsys.readouterr().out == "a reading\n" * 2
