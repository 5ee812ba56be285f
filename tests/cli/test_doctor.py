"""``corrie doctor MODEL``: which engine serves a model, without a scan."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

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
