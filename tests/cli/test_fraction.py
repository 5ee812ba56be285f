"""``corrie fraction`` as its users meet it: the claim on stdout, exit code 0, 3 or 2, the same command continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corrie.records.sqlite_store import SqliteStore
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import save_toy_task


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def claim(toy: Path, task: Path, run: Path) -> list[object]:
    terms = ["--sigma", "0.0001", "--at-least", "0.8", "--confidence", "0.8", "--to", run]
    return ["fraction", toy, "-t", f"{task}:10", *terms]


def changed(claim: list[object], **values: object) -> list[object]:
    changed = list(claim)
    for name, value in values.items():
        option = f"--{name.replace('_', '-')}"
        if option in changed:
            changed[changed.index(option) + 1] = value
        else:
            changed += [option, value]
    return changed


def test_a_claim_that_holds(corrie: Any, claim: list[object], run: Path) -> None:
    said = corrie(*claim)
    assert said.code == 0
    assert said.out.startswith("at least 0.8 of all directions keep letters; 8 of 8 draws did.\nConfidence: 0.8.\n")
    assert "Randomness: the choice of the directions (independent, each number of δ from N(0, 1)).\n" in said.out
    found = json.loads(corrie(*claim, "--json").out)
    assert (found["holds"], found["good"], found["draws"]) == (True, 8, 8)
    assert found["sentence"].startswith("With confidence 0.8 over the random choice of the directions")
    with SqliteStore.open(run) as store:
        assert len(store.points()) == 9


def test_a_claim_that_does_not_hold_is_printed_and_ends_with_3(corrie: Any, claim: list[object], run: Path) -> None:
    said = corrie(*changed(claim, sigma="0.5"), "--json")
    found = json.loads(said.out)
    assert (said.code, found["holds"], found["status"], found["draws"], found["supported"]) == (3, False, "fails", 1, 0)
    assert "Error: at least 0.8 of all directions with confidence 0.8: not shown that at least 0.8" in said.err
    assert "keep letters: 0 of 1 draws did" in said.err
    with SqliteStore.open(run) as store:
        assert len(store.points()) == 2, "it stops at the first failure"
    refused = corrie(*changed(claim, sigma="0.5", design="anytime"))
    assert (refused.code, refused.out) == (2, "")
    assert "another design before its first draw" in refused.err


def test_an_open_claim_ends_with_3_and_goes_on(corrie: Any, claim: list[object]) -> None:
    said = corrie(*changed(claim, draws=3))
    assert (said.code, "not yet shown" in said.out) == (3, True)
    assert "--draws 8 or more" in said.err
    assert corrie(*changed(claim, draws=8)).code == 0


@pytest.mark.parametrize(("design", "draws"), [("zero-failure", 8), ("failures:1", 14), ("anytime", 9)])
def test_designs(corrie: Any, claim: list[object], design: str, draws: int) -> None:
    said = corrie(*changed(claim, design=design), "--json")
    found = json.loads(said.out)
    assert (said.code, found["design"], found["draws"]) == (0, design, draws)


def test_several_tasks_must_all_be_kept(corrie: Any, claim: list[object], tmp_path: Path) -> None:
    other = save_toy_task(tmp_path / "words.jsonl", toy_model())
    said = corrie(*claim, "-t", f"{other}:10")
    assert said.code == 0
    assert "keep letters and words" in said.out


def test_show_prints_the_claims_of_a_run(corrie: Any, claim: list[object], toy: Path, task: Path, run: Path) -> None:
    said = corrie(*claim)
    assert corrie("show", run).out == said.out
    assert json.loads(corrie("show", run, "--json").out)["claims"][0]["finding"] == said.out.splitlines()[0].rstrip(".")
    scanned = corrie("scan", toy, "-t", f"{task}:20", "--direction", "gaussian:0-1", "--alpha", "0:0.4:3", "--to", run)
    assert scanned.code == 0
    assert said.out in scanned.out
    found = json.loads(corrie("show", run, "--json").out)
    assert (len(found["capabilities"]), len(found["claims"]), found["capabilities"][0]["directions"]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sigma": "0"}, "sigma 0: not above 0"),
        ({"sigma": "-0.1"}, "not above 0"),
        ({"sigma": "nan"}, "not above 0 and finite"),
        ({"at_least": "0"}, "fraction 0.0"),
        ({"at_least": "1"}, "fraction 1.0"),
        ({"at_least": "1.2"}, "fraction 1.2"),
        ({"at_least": "0.99999999"}, "a claim may make"),
        ({"confidence": "0"}, "confidence 0.0"),
        ({"confidence": "1"}, "confidence 1.0"),
        ({"tolerance": "1"}, "tolerance 1"),
        ({"design": "anytme"}, "Did you mean 'anytime'?"),
        ({"seeds": "-1"}, "a seed below 0"),
        ({"draws": "0"}, "nothing would be looked at"),
        ({"block": "0"}, "no examples"),
    ],
    ids=str,
)
def test_bad_input_is_said_and_nothing_is_made(
    corrie: Any, claim: list[object], run: Path, change: dict[str, str], words: str
) -> None:
    said = corrie(*changed(claim, **change))
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith("Error: ")
    assert words in said.err
    assert "Loading" not in said.err
    assert not run.exists()


def test_what_the_model_cannot_do(corrie: Any, claim: list[object], tmp_path: Path) -> None:
    claim[1] = save_toy(tmp_path / "stranger", seed=5)
    said = corrie(*claim)
    assert (said.code, said.out) == (2, "")
    assert "cannot be told from chance" in said.err


def test_help(corrie: Any) -> None:
    said = corrie("fraction", "--help")
    assert said.code == 0
    for option in ("--sigma", "--at-least", "--confidence", "--tolerance", "--design", "--seeds", "--draws", "--json"):
        assert option in said.out
    assert corrie("fraction", "model").code == 2
