"""``corrie draw`` and ``corrie project`` as their users meet them: from a certificate's file to adapters on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import corrie as library
from corrie.testing.toy_models import save_toy, toy_model

SUBSPACE = "core:all:1"


@pytest.fixture(scope="module")
def folder(toy: Path, task: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the toy, an adapter far out in its subspace, and one outside of it."""
    folder = tmp_path_factory.mktemp("certified")
    (made,) = library.tasks(str(task))
    terms = {"subspace": SUBSPACE, "sigma": 0.05, "draws": 60, "selection_draws": 5, "seeds": 500}
    library.certify(library.load(toy), [(made, 10)], **terms, to=folder / "run")
    (file,) = (folder / "run").glob("certificate-*.json")
    (folder / "certificate").symlink_to(file)
    model = toy_model()
    library.smoothed(model, (SUBSPACE, 1.0)).save(folder / "tuned", seed=1)
    library.smoothed(model, ("adapter:q_proj:1", 1.0)).save(folder / "outside", seed=1)
    return folder


@pytest.fixture
def file(folder: Path) -> Path:
    return (folder / "certificate").resolve()


def test_draws_around_an_adapter(corrie: Any, toy: Path, folder: Path, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "served"
    asked = ["draw", file, folder / "tuned", "--model", toy, "--count", "3", "--seed", "7", "--out", out]
    said = corrie(*asked)
    assert said.code == 0, said.err
    assert said.out.startswith(f"3 adapters in {out}: choose one at random for each request.")
    assert "VACUOUS" in said.out
    assert sorted(f.name for f in out.iterdir()) == ["draw-0", "draw-1", "draw-2", "draws.json"]
    again = corrie(*asked)
    assert (again.code, again.out) == (2, "")
    assert "it is there already" in again.err


def test_draws_around_the_model_as_json(corrie: Any, toy: Path, file: Path, tmp_path: Path) -> None:
    said = corrie("draw", file, "--model", toy, "--count", "2", "--out", tmp_path / "served", "--json")
    found = json.loads(said.out)
    assert (said.code, len(found["adapters"])) == (0, 2)
    assert found["adapters"][0]["seed"] != found["adapters"][1]["seed"]
    assert "smoothed around itself" in found["sentence"]


def test_pulled_back_into_the_certificate(corrie: Any, toy: Path, folder: Path, file: Path, tmp_path: Path) -> None:
    asked = ["project", folder / "tuned", "--certificate", file, "--model", toy]
    found = json.loads(corrie(*asked, "--out", tmp_path / "one", "--json").out)
    radius = json.loads(file.read_text())["radius"]
    assert (found["moved"], found["radius"], found["verdict"]) == (True, radius, "informative")
    assert found["after"] <= radius < found["before"]
    said = corrie(*asked, "--radius", "0.01", "--out", tmp_path / "two")
    assert said.code == 0
    assert said.out.startswith(f"{tmp_path / 'two'}: pulled back, distance ")
    assert "radius 0.01, r/σ = 0.2" in said.out
    inside = corrie("project", tmp_path / "two", "--certificate", file, "--model", toy, "--out", tmp_path / "three")
    assert ("inside already" in inside.out) == (radius >= 0.01)


def test_pulled_back_to_a_bare_radius_needs_no_model(corrie: Any, folder: Path, tmp_path: Path) -> None:
    said = corrie("project", folder / "outside", "--radius", "0.5", "--out", tmp_path / "out")
    assert said.code == 0
    assert "Loading" not in said.err
    assert said.out.startswith(f"{tmp_path / 'out'}: pulled back, distance ")


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("no radius. Try: --certificate FILE", ["project", "tuned"]),
        ("radius -1.0: it is no distance", ["project", "tuned", "--radius", "-1"]),
        ("no such folder", ["project", "missing", "--certificate", "FILE", "--model", "TOY"]),
        ("is in one of them only", ["project", "outside", "--certificate", "FILE", "--model", "TOY"]),
        ("there must be 1 to 10000", ["draw", "FILE", "--model", "TOY", "--count", "0"]),
        ("would not be independent", ["draw", "FILE", "--model", "TOY", "--seed", "490"]),
        ("the weights' fingerprint", ["draw", "FILE", "--model", "OTHER"]),
        ("cannot be read", ["draw", "missing", "--model", "TOY"]),
    ],
    ids=str,
)
def test_what_is_refused(
    corrie: Any, toy: Path, folder: Path, file: Path, tmp_path: Path, words: str, asked: list[str]
) -> None:
    known = {"FILE": file, "TOY": toy, **{n: folder / n for n in ("tuned", "outside", "missing")}}
    if "OTHER" in asked:
        known["OTHER"] = save_toy(tmp_path / "other", seed=1)
    said = corrie(*(known.get(word, word) for word in asked), "--out", tmp_path / "out")
    assert (said.code, said.out) == (3 if words == "cannot be read" else 2, "")
    assert words in said.err
    assert not (tmp_path / "out").exists()


def test_a_certificate_that_was_changed(corrie: Any, toy: Path, file: Path, tmp_path: Path) -> None:
    for one in file.parent.glob("*.json"):
        (tmp_path / one.name).write_text(one.read_text().replace('"sigma":0.05', '"sigma":0.5'))
    said = corrie("draw", tmp_path / file.name, "--model", toy, "--out", tmp_path / "out")
    assert said.code == 3
    assert "it was changed" in said.err
