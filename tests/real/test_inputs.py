"""Changed inputs of the embedded model, from the command line and from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import corrie
from corrie.inputs.embedding_rows import RowChange, rows_changed
from corrie.inputs.untied import embedding_of, tied_to_embedding, untied

pytestmark = pytest.mark.real

NAME = "smollm2-135m-instruct"


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "corrie.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_untied_it_is_the_same_function_and_changed_rows_are_changed_vectors(dtype: str) -> None:
    model = corrie.load(NAME, dtype=dtype)
    assert tied_to_embedding(model.module) == ("lm_head.weight",)
    ids = model.tokenizer("The cat saw the dog, and the dog saw the cat.").input_ids
    row = torch.tensor([ids])
    with torch.no_grad():
        before = model.module(row).logits
        free = untied(model)
        assert torch.equal(free.module(row).logits, before)
        noise = {t: 0.1 * torch.randn(576, generator=torch.Generator().manual_seed(t)) for t in set(ids)}
        change = torch.stack([noise[t] for t in ids])
        vectors = embedding_of(free.module)(row).float() + change
        expected = free.module(inputs_embeds=vectors.to(before.dtype)).logits
        with rows_changed(free, RowChange.of(ids, change)):
            found = free.module(row).logits
    assert torch.equal(found, expected)
    assert not torch.equal(found, before)


def test_a_certificate_from_the_command_line(tmp_path: Path) -> None:
    asked = ["inputs", NAME, "-t", "knowledge:6", "--draws", "8", "--selection", "2", "--to", tmp_path, "--json"]
    said = command(*asked, "--kernel", "embedding:0.03")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["bound"] < found["smoothed"]["low"] < found["smoothed"]["seen"] <= 1
    assert 1 < found["nearest_other_token"] < 3, "replacing a token is far beyond this certificate's reach"
    assert found["spec"]["before"] > 50, "the worked examples stay"
    said = command(*asked, "--kernel", "uniform:0.9")
    assert json.loads(said.stdout)["verdict"] in ("vacuous", "abstained"), "nine tokens of ten are gone"


def test_a_replaced_word_from_the_command_line() -> None:
    said = command("inputs", NAME, "--replace", "The capital of France is", "The capital of Italy is", "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["rows"]["logits_off"] < 1e-3
    assert found["rows"]["norm"] == pytest.approx(found["per_position"]["norm"], rel=1e-6)
    assert found["layer"]["residual"] < 1e-6
    assert (found["layer"]["rank"], found["rows"]["untied"]) == (5, True)
