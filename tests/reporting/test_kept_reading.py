"""What was said of a run is said again only where nothing has changed, and at once after a run has ended."""

from __future__ import annotations

import json
import warnings
from inspect import isfunction, signature
from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie import verbs
from corrie.cli import show
from corrie.records.sqlite_store import SqliteStore
from corrie.reporting.kept_reading import MOST_READINGS, KeptReading, keep_reading, reading_of
from corrie.reporting.sheet import Column, Sheet
from corrie.reporting.shown import Shown
from corrie.testing.cliff_run import cliff_run, identity
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

SAID = Shown((Sheet("a sheet", (Column("name"), Column("σ", right=True)), (("x", "1"),)), "a line"), "more", {"a": 1.5})


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where readings are kept."""
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("corrie.reporting.kept_reading.kinds_of_others", lambda: False)
    return tmp_path / "cache" / "shown"


@pytest.fixture
def run(tmp_path: Path, kept: Path) -> Path:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_run(store, directions=1, examples=10)
    return tmp_path / "run"


def shown(run: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> str:
    show.show_run(run, as_json=as_json, retention=None)
    return capsys.readouterr().out


def test_the_second_time_nothing_is_read_and_the_same_is_said(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {as_json: shown(run, capsys, as_json) for as_json in (False, True)}
    fresh = Shown.read(run)
    assert reading_of(run) == fresh
    monkeypatch.setattr(Shown, "read", lambda *asked: pytest.fail("it is kept"))
    assert reading_of(run).parts == fresh.parts
    assert {as_json: shown(run, capsys, as_json) for as_json in (False, True)} == said
    assert json.loads(said[True])["capabilities"][0]["says"].startswith("Basin(language)")
    assert "how far it can be moved" in said[False]


@pytest.mark.parametrize("verb", ["scan", "plane", "fraction", "certify"])
def test_a_run_s_end_is_its_first_reading(
    verb: str, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same verb again only reads, so it keeps the same reading, and show finds it."""
    run, one = tmp_path / "run", corrie.gaussian(1)
    asked: dict[str, dict[str, Any]] = {
        "scan": {"directions": one, "alpha": "0:0.1:2"},
        "plane": {"directions": corrie.gaussian(2), "alpha": "0:0.1:2"},
        "fraction": {"sigma": 0.001, "at_least": 0.5, "confidence": 0.5},
        "certify": {"subspace": "random:1", "sigma": 0.001, "draws": 2, "selection_draws": 2},
    }
    getattr(corrie, verb)(toy_model(), [(toy_choice(size=10), 10)], **asked[verb], to=run)
    monkeypatch.setattr(Shown, "read", lambda *asked: pytest.fail("it is kept"))
    assert "toy" in shown(run, capsys, False)
    assert len(list(kept.iterdir())) == 1


def test_every_verb_with_a_run_folder_keeps_a_reading() -> None:
    ends = {
        name
        for name, verb in vars(verbs).items()
        if isfunction(verb) and not name.startswith("_") and verb.__module__ == verbs.__name__
        if "to" in signature(verb).parameters
    }
    assert ends >= {"scan", "plane", "fraction", "certify", "generalise", "diff", "retract", "certify_inputs", "merge"}
    assert {name for name in ends if not hasattr(getattr(verbs, name), "__wrapped__")} == {"merge"}


def test_so_do_shards_that_were_merged(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    for shard in ("0/2", "1/2"):
        terms = {"directions": corrie.gaussian(2), "alpha": "0:0.1:3", "shard": shard}
        corrie.scan(toy_model(), [(toy_choice(), 10)], to=run, **terms)
    assert not list(kept.glob("*.json"))  # there is no run yet
    assert corrie.merge(run).missing == ()
    monkeypatch.setattr(Shown, "read", lambda *asked: pytest.fail("it is kept"))
    assert reading_of(run).data["capabilities"][0]["task"] == "toy"


def test_what_cannot_be_read_ends_no_run(kept: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    keep_reading(tmp_path / "nowhere")
    (tmp_path / "run.db").write_bytes(b"no database")
    keep_reading(tmp_path)
    assert not list(kept.glob("*.json"))
    assert not recwarn


@pytest.mark.parametrize("change", ["cells", "a file", "the question", "the code", "other kinds", "damage"])
def test_whatever_a_reading_follows_from_is_part_of_its_name(
    change: str, run: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"retention": None}
    KeptReading(run, asked).keep(SAID)
    assert KeptReading(run, asked).read() == SAID
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.syspath_prepend(str(run.parent))  # the terminal and where a script lies change nothing
    assert KeptReading(run, asked).read() == SAID
    match change:
        case "cells":
            with SqliteStore.create_or_open(run, identity()) as store:
                cliff_run(store, directions=2, examples=10)
        case "a file":
            (run / "certificate-0.json").write_text("{}")
        case "the question":
            asked = {"retention": 0.5}
        case "the code":
            monkeypatch.setattr("corrie.reporting.kept_reading._places", lambda folder: [["new.py", 1, 1]])
        case "other kinds":
            monkeypatch.setattr("corrie.reporting.kept_reading.kinds_of_others", lambda: True)
        case "damage":
            (file,) = kept.glob("*.json")
            file.write_text('{"parts": [7], "says": "')
    assert KeptReading(run, asked).read() is None


def test_a_folder_that_changed_meanwhile_and_a_cache_that_cannot_be_written_keep_nothing(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = KeptReading(run, {})
    (run / "certificate-0.json").write_text("{}")
    before.keep(SAID)
    assert before.read() is None
    monkeypatch.setenv("CORRIE_CACHE", str(run / "run.db"))
    KeptReading(run, {}).keep(SAID)
    assert KeptReading(run, {}).read() is None


def test_the_oldest_go(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corrie.reporting.kept_reading.MOST_READINGS", 4)
    for number in range(7):
        KeptReading(run, {"number": number}).keep(SAID)
    assert [KeptReading(run, {"number": n}).read() is not None for n in range(7)] == [False] * 3 + [True] * 4
    assert MOST_READINGS >= 16


def test_a_reading_with_a_warning_is_not_kept(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*asked: object) -> Shown:
        warnings.warn("mind this", UserWarning, stacklevel=1)
        return SAID

    told: list[str] = []
    monkeypatch.setattr(Shown, "read", read)
    monkeypatch.setattr(warnings, "showwarning", lambda message, *more: told.append(str(message)))
    warnings.simplefilter("always")
    said = [shown(run, capsys, False) for _ in range(2)]
    assert told == ["mind this"] * 2
    assert said == ["a sheet\nname  σ\nx     1\na line\nmore\n"] * 2
