"""Shards of a plan, merged, are the serial run; what cannot be dealt out beforehand is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.cli.export import export
from corrie.errors import InputError, RunError
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.run_folder import RunFolder
from corrie.records.shard import Shard
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.watch import Nobody
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

TWO = corrie.gaussian(2)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def tasks(model: Model) -> list[Any]:
    return [(toy_choice(model, name=name, size=20), 20) for name in "a"]


def ask(verb: str, model: Model, tasks: list[Any], to: Path, **more: Any) -> Any:
    """A question whose points are known beforehand."""
    match verb:
        case "scan":
            return corrie.scan(model, tasks, directions=TWO, alpha="0:0.2:3", to=to, **more)
        case "plane":
            return corrie.plane(model, tasks, (TWO[0], TWO[1]), alpha="-0.1:0.1:3", to=to, **more)
        case "fraction":
            return corrie.fraction(model, tasks, sigma=0.001, at_least=0.5, confidence=0.9, to=to, **more)
    raise ValueError(verb)


def cells(run: Path) -> dict[Any, Cell]:
    with SqliteStore.open(run) as store:
        return {cell.key: cell for cell in store.cells()}


def rows(run: Path) -> list[str]:
    """Its export."""
    out = run.with_name(f"{run.name}.csv")
    export(run, out)
    return out.read_text("utf-8").splitlines()


@pytest.mark.parametrize(("verb", "count"), [("scan", 3), ("plane", 2), ("fraction", 2)])
def test_shards_merged_are_the_serial_run(
    verb: str, count: int, model: Model, tasks: list[Any], tmp_path: Path
) -> None:
    serial = ask(verb, model, tasks, tmp_path / "serial")
    run = tmp_path / "run"
    for number in range(count):
        ask(verb, model, tasks, run, shard=f"{number}/{count}")
    own = [set(cells(place)) for place in RunFolder(run).shards]
    assert len(own) == count
    unmoved = set.intersection(*own)
    assert {key.point for key in unmoved} == {corrie.Point.origin().id}
    assert sum(len(keys - unmoved) for keys in own) == len(cells(tmp_path / "serial")) - len(unmoved)
    merged = corrie.merge(run)
    assert (merged.missing, merged.left) == ((), ())
    assert cells(run) == cells(tmp_path / "serial")
    assert rows(run) == rows(tmp_path / "serial")
    again = ask(verb, model, tasks, run)
    if verb != "scan":
        assert str(again) == str(serial)
    assert cells(run) == cells(tmp_path / "serial"), "nothing was left to do"


def test_a_shard_goes_on_where_it_was(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    class Stopping(Nobody):
        def acknowledges(self, cell: Cell) -> None:
            raise InterruptedError

    place = Shard(1, 2).within(tmp_path)
    with pytest.raises(InterruptedError):
        ask("scan", model, tasks, tmp_path, shard="1/2", watch=Stopping())
    begun = cells(place)
    assert len(begun) == 1
    ask("scan", model, tasks, tmp_path, shard="1/2")
    assert len(cells(place)) == 2 + 2 * 2
    assert begun.items() <= cells(place).items()


def test_a_failed_claim_is_that_of_the_serial_run(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    """Shards score draws that a serial run stops before; judged in their order they change nothing."""
    terms: Any = {"sigma": 0.15, "at_least": 0.5, "confidence": 0.9, "tolerance": 0.02}
    serial = corrie.fraction(model, tasks, to=tmp_path / "serial", **terms)
    assert serial.status == "fails"
    for number in (0, 1):
        corrie.fraction(model, tasks, to=tmp_path / "run", shard=f"{number}/2", **terms)
    corrie.merge(tmp_path / "run")
    assert len(cells(tmp_path / "run")) > len(cells(tmp_path / "serial"))
    assert str(corrie.fraction(model, tasks, to=tmp_path / "run", **terms)) == str(serial)


def test_a_shard_says_which_it_is(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    for number in (0, 1):
        ask("scan", model, tasks, tmp_path, shard=f"{number}/2")
    corrie.merge(tmp_path)
    with SqliteStore.open(tmp_path) as store:
        ((_, made),) = store.specs()
    assert made["shard"] == "0/2; 1/2"
    assert ";" not in made["torch"], "what is the same stands once"


@pytest.mark.parametrize(
    ("verb", "more", "said"),
    [
        ("scan", {"shard": "2/2"}, r"shard 2/2: shards are counted from 0. Try: 0/2 to 1/2"),
        ("scan", {"shard": "half"}, r"shard 'half': not a number and how many there are"),
        ("scan", {"shard": "0/5"}, r"shard 0/5: the plan has 4 points beside the unmoved model. Try: at most 4 shards"),
        ("fraction", {"shard": "0/9"}, r"the plan has 4 points"),
        ("fraction", {"shard": "0/2", "draws": 1}, r"the plan has 1 point beside"),
        ("fraction", {"shard": "0/2", "design": "anytime"}, r"design anytime: .* cannot be dealt out beforehand"),
    ],
)
def test_what_cannot_be_dealt_out_is_refused_first(
    verb: str, more: dict[str, Any], said: str, model: Model, tasks: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        ask(verb, model, tasks, tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()


def test_an_adaptive_scan_is_refused(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"range of step sizes: its points are chosen by what was scored before"):
        corrie.scan(model, tasks, directions=TWO, alpha="auto", to=tmp_path / "run", shard="0/2")
    assert not (tmp_path / "run").exists()


def test_shards_alone_are_not_a_run_yet(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    ask("scan", model, tasks, tmp_path, shard="0/2")
    with pytest.raises(RunError, match=r"shards alone \(1\)\. Try: corrie merge"):
        RunFolder.open(tmp_path)
    merged = corrie.merge(tmp_path)
    assert merged.missing == (Shard(1, 2),)
    assert "shard 1/2 not among them" in str(merged)
    shutil.rmtree(Shard(0, 2).within(tmp_path))
    ask("scan", model, tasks, tmp_path, shard="1/2")
    assert corrie.merge(tmp_path).new == 2 * 2
