"""``corrie certify`` and ``corrie verify`` as their users meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from corrie.records.sqlite_store import SqliteStore
from corrie.testing.toy_models import save_toy


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def asked(toy: Path, task: Path, run: Path) -> list[object]:
    terms = ["--subspace", "adapter:q_proj:1", "--sigma", "0.05", "--draws", "30", "--selection-draws", "5"]
    return ["certify", toy, "-t", f"{task}:10", *terms, "--confidence", "0.9", "--to", run]


@pytest.fixture(scope="module")
def made() -> dict[str, Path]:
    """Where the first one to ask for it has made it."""
    return {}


@pytest.fixture
def certified(
    corrie: Any, asked: list[object], run: Path, made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The run of a certificate, as the command left it."""
    if not made:
        place = tmp_path_factory.mktemp("made") / "run"
        assert corrie(*changed(asked, to=place)).code == 0
        made["run"] = place
    return Path(shutil.copytree(made["run"], run))


def changed(asked: list[object], **values: object) -> list[object]:
    changed = list(asked)
    for name, value in values.items():
        option = f"--{name.replace('_', '-')}"
        if option in changed:
            changed[changed.index(option) + 1] = value
        else:
            changed += [option, value]
    return changed


def test_a_certificate_and_its_verification(corrie: Any, asked: list[object], run: Path) -> None:
    said = corrie(*asked, "--json")
    found = json.loads(said.out)
    assert (said.code, found["verdict"], found["draws"], found["dimension"]) == (0, "informative", 30, 64)
    assert found["sentence"].startswith("With confidence 0.9 over 30 independent noise draws")
    (file,) = run.glob("certificate-*.json")
    assert json.loads(file.read_text()) == found
    assert f"corrie verify {file}" in said.err
    again = corrie(*asked)
    assert again.code == 0
    first, second, *rest = again.out.splitlines()
    assert first.startswith("the smoothed model keeps letters ")
    assert found["sentence"].endswith(second)
    assert rest[:2] == [
        "Confidence: 0.9.",
        f"Randomness: {found['sentence'].partition('over ')[2].partition(', about')[0]}.",
    ]
    assert len([line for line in rest if line.startswith("Assumption: ")]) == len(found["assumptions"])
    assert len(list(run.glob("*.json"))) == 2, "the same certificate is the same file"

    assert corrie("show", run).out == again.out
    assert json.loads(corrie("show", run, "--json").out)["certificates"] == [found]
    verified = corrie("verify", file)
    assert verified.code == 0
    assert verified.out.startswith(f"{file.name} holds")
    assert json.loads(corrie("verify", file, "--json").out) == {"certificate": found, "holds": True}

    text = file.read_text()
    file.write_text(text.replace('"verdict":"informative"', '"verdict":"vacuous"', 1))
    refused = corrie("verify", file)
    assert (refused.code, refused.out) == (3, "")
    assert "it was changed" in refused.err
    file.write_text(text)
    outcomes = run / found["outcomes"]["file"]
    outcomes.write_text(outcomes.read_text().replace("1", "0", 1))
    assert corrie("verify", file).code == 3
    assert corrie("verify", run / "certificate-nowhere.json").code == 3


def test_asked_too_far_it_is_vacuous_and_ends_with_3(corrie: Any, asked: list[object], run: Path) -> None:
    assert corrie(*changed(asked, distance="0.02")).code == 0
    said = corrie(*changed(asked, distance="1.0"), "--json")
    found = json.loads(said.out)
    assert (said.code, found["verdict"]) == (3, "vacuous")
    assert "VACUOUS" in found["sentence"]
    assert "Error: an informative certificate: VACUOUS: after a change of r = 1 in adapter:q_proj:1" in said.err
    assert len(list(run.glob("certificate-*.json"))) == 2, "written all the same, of the same draws"
    with SqliteStore.open(run) as store:
        assert len(store.points()) == 1 + 5 + 30


@pytest.mark.usefixtures("certified")
def test_a_second_design_is_refused(corrie: Any, asked: list[object]) -> None:
    said = corrie(*changed(asked, draws="31"))
    assert (said.code, said.out) == (2, "")
    assert "another design before its first draw" in said.err


def test_sigma_auto_looks_at_other_examples(corrie: Any, asked: list[object]) -> None:
    said = corrie(*changed(asked, sigma="auto", draws=10))
    assert said.code in (0, 3)
    assert "selection draws keep 95% of each task's score above chance on 20 other examples" in said.err
    too_many = list(asked)
    too_many[3] = f"{str(asked[3]).rpartition(':')[0]}:40"
    refused = corrie(*changed(too_many, sigma="auto"))
    assert refused.code == 2
    assert "none are left to choose σ on" in refused.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sigma": "0"}, "sigma 0: not above 0"),
        ({"sigma": "-0.1"}, "not above 0"),
        ({"sigma": "nan"}, "not above 0 and finite"),
        ({"sigma": "much"}, "no number"),
        ({"confidence": "0"}, "confidence 0.0"),
        ({"confidence": "1"}, "confidence 1.0"),
        ({"confidence": "1.5"}, "confidence 1.5"),
        ({"draws": "0"}, "0 certifying draws"),
        ({"draws": "99999999"}, "there is room for"),
        ({"selection_draws": "1"}, "1 selection draws"),
        ({"thresholds": "0"}, "0 thresholds"),
        ({"rows": "0"}, "0 rows"),
        ({"retain": "0"}, "retain 0"),
        ({"retain": "1.1"}, "retain 1.1"),
        ({"ratio": "-1"}, "ratio -1"),
        ({"distance": "-1"}, "no L2 norm"),
        ({"distance": "nan"}, "no L2 norm"),
        ({"seeds": "-1"}, "no seed"),
        ({"block": "0"}, "no examples"),
        ({"subspace": "adapter:q_proj:0"}, "dimension 0"),
        ({"subspace": "random:0"}, "dimension 0"),
        ({"subspace": "adaptor:q_proj:1"}, "Did you mean"),
    ],
    ids=str,
)
def test_bad_input_is_said_before_anything_is_loaded(
    corrie: Any, asked: list[object], run: Path, change: dict[str, str], words: str
) -> None:
    said = corrie(*changed(asked, **change))
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith("Error: ")
    assert words in said.err
    assert "Loading" not in said.err
    assert not run.exists()


def test_what_only_the_model_can_tell(corrie: Any, asked: list[object], run: Path, tmp_path: Path) -> None:
    for subspace, words in (
        ("adapter:q_prj:1", "Did you mean 'q_proj'"),
        ("adapter:q_proj:99", "rank 99"),
        (f"adapter:{tmp_path / 'nowhere'}", "nowhere"),
        (f"span:{tmp_path / 'nowhere'}", "nowhere"),
    ):
        said = corrie(*changed(asked, subspace=subspace))
        assert (said.code, words in said.err, run.exists()) == (2, True, False), said.err


def test_draws_that_selected_are_refused(corrie: Any, asked: list[object], certified: Path, tmp_path: Path) -> None:
    from corrie.analysis.evidence import Evidence

    (file,) = certified.glob("outcomes-*.json")
    selecting = Evidence.parse(file.read_text()).spec.selection.first
    said = corrie(*changed(asked, seeds=selecting + 2, to=tmp_path / "other"))
    assert (said.code, said.out) == (2, "")
    assert "are used to select: they can certify nothing" in said.err


def test_a_model_that_cannot_do_it_abstains(corrie: Any, asked: list[object], tmp_path: Path) -> None:
    asked[1] = save_toy(tmp_path / "stranger", seed=5)
    said = corrie(*asked)
    assert said.code == 3
    assert "abstained" in said.out


def test_help(corrie: Any) -> None:
    said = corrie("certify", "--help")
    assert said.code == 0
    for option in ("--subspace", "--sigma", "--draws", "--confidence", "--tuned", "--distance", "--exact", "--json"):
        assert option in said.out
    assert corrie("verify", "--help").code == 0
    assert corrie("verify").code == 2
