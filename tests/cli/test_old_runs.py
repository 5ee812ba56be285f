"""Run folders of earlier versions open, report, export, verify, and go on without scoring anything again."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

import corrie as library
from corrie.records.run_folder import RunFolder
from corrie.scanning.executor import SerialExecutor
from corrie.scanning.input_executor import InputExecutor
from corrie.scanning.subspace_executor import SubspaceExecutor

DATA = Path(__file__).parents[1] / "data" / "runs"
MADE = runpy.run_path(str(DATA / "make.py"))
OLD = sorted(str(run.relative_to(DATA)) for run in DATA.glob("*/*") if run.is_dir())

SHOWN = {
    "scan": "toy",
    "plane": "Plane of gaussian:0 (α -0.4 to 0.4)",
    "path": "toy",
    "fraction": "at least 0.5 of all directions keep toy; 4 of 4 draws did",
    "certificate": "keeps toy at least 0.6925 (chance 0.25) after any change of up to r = 0.01001",
    "graded": "keeps graded:toy at least 0.4791 (chance 0.25) after any change of up to r = 0.01001",
    "generalisation": "VACUOUS: about new examples of toy nothing above chance is certain",
    "inputs": "after any change of L2 norm up to 0.05",
    "diff": "toy-llama-0 → tuned: lost: toy",
    "retraction": "pulled back to α = 0.1562 (L2 3.479 of 22.26) keeps toy",
}
"""What show says of each, among other things."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return MADE["World"](tmp_path_factory.mktemp("world"))


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an old run folder."""
    return Path(shutil.copytree(DATA / request.param, tmp_path / Path(request.param).name))


def files_of(run: Path) -> dict[str, bytes]:
    """Every file of a run but its database, which opening may tidy up."""
    found = {f.relative_to(run).as_posix(): f.read_bytes() for f in run.rglob("*") if f.is_file()}
    return {name: data for name, data in found.items() if not name.startswith("run.db") and "lock" not in name}


def test_there_is_one_of_every_kind() -> None:
    first = {Path(name).name for name in OLD if name.startswith("26fb81b")}
    assert first | {"graded"} == {Path(name).name for name in OLD} == set(MADE["KINDS"]) == set(SHOWN)


@pytest.mark.parametrize("old", OLD, indirect=True)
def test_an_old_run_is_shown_reported_exported_and_verified(old: Path, corrie: Any, tmp_path: Path) -> None:
    before = files_of(old)
    said = corrie("show", old)
    assert said.code == 0, said.err
    assert SHOWN[old.name] in " ".join(said.out.split())
    shown = json.loads(corrie("show", old, "--json").out)
    assert shown
    for each in shown["capabilities"] if old.name == "scan" else ():
        found = each["basin"]["crossed"]
        assert each["radii"]
        assert {radius["method"] for radius in each["radii"]} <= {"dose_response", "model_free"}
        assert found["sigma_low"] <= each["basin"]["largest_tried"]
        assert each["evaluations"] > 0
    assert corrie("report", old, "--out", tmp_path / "report.html").code == 0
    said = corrie("export", old, "--format", "csv", "--out", tmp_path / "all.csv")
    assert said.code == 0, said.err
    assert len((tmp_path / "all.csv").read_text("utf-8").splitlines()) > 2
    for file in RunFolder(old).files("certificate"):
        said = corrie("verify", file)
        assert said.code == 0, said.err
    assert files_of(old) == before


@pytest.mark.parametrize("old", OLD, indirect=True)
def test_an_old_run_goes_on_without_scoring_again(
    old: Path, world: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    def never(*args: Any, **how: Any) -> Any:
        raise RuntimeError("something is scored again")

    for scores in (SerialExecutor, SubspaceExecutor, InputExecutor):
        monkeypatch.setattr(scores, "run", never)
    before = files_of(old)
    version = request.node.callspec.params["old"].partition("/")[0]
    world.ask(old.name, old)
    after = files_of(old)
    kept = [n for n in before if n.startswith(("certificate-", "outcomes-", "draws-", "worst/"))]
    assert {n: after.get(n) for n in kept} == {n: before[n] for n in kept}
    if version == "26fb81b" and old.name in ("certificate", "generalisation", "inputs"):
        assert set(after) == set(before)


@pytest.mark.parametrize("old", [name for name in OLD if name.endswith("/inputs")], indirect=True)
def test_old_draws_on_inputs_say_the_same_from_the_store(old: Path, world: Any, corrie: Any, tmp_path: Path) -> None:
    def told() -> tuple[str, list[str], list[Any]]:
        assert corrie("export", old, "--format", "csv", "--out", tmp_path / "all.csv").code == 0
        kept = [json.loads(file.read_text("utf-8"))["certificate"] for file in RunFolder(old).files("inputs")]
        table = sorted((tmp_path / "all.csv").read_text("utf-8").splitlines())
        (tmp_path / "all.csv").unlink()
        return corrie("show", old).out, table, kept

    world.ask("inputs", old)
    (old / "run.db").unlink()
    before = told()
    world.ask("inputs", old)
    assert (old / "run.db").is_file()
    for log in old.glob("draws-*"):
        log.unlink()
    assert told() == before


@pytest.mark.parametrize("old", ["26fb81b/scan"], indirect=True)
def test_an_old_scan_is_extended(old: Path, world: Any) -> None:
    more = {"directions": library.gaussian(2), "alpha": "0:0.4:5"}
    found = library.scan(world.model, world.tasks, to=old, **more)
    assert str(found.curve("toy")) == str(library.scan(world.model, world.tasks, **more).curve("toy"))
