"""The table of a GPU, by the same way on a toy and a processor: no line is a gap, and a gap loses no other line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_a_gpu", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_part_goes_its_way_on_a_toy(
    gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = gpu.Table.timed
    monkeypatch.setattr(gpu.Table, "timed", lambda table, way, repeats=1: timed(table, way, 1))
    file = tmp_path / "gpu.md"
    assert gpu.main(["--device", "cpu", "--tiny", "--to", str(file)]) == 0
    lines = [line for line in file.read_text("utf-8").splitlines() if line.startswith("| toy")]
    assert [line.split(" | ")[1] for line in lines] == [
        "model",
        "a pass over 64 tokens",
        "the same numbers as on a CPU",
        "drawing a direction",
        "setting a point along a direction that is kept",
        "setting a point along one that is drawn again",
        "a likelihood point",
        "writing",
    ]
    assert not [line for line in lines if "not measured" in line or "NO:" in line]
    assert capsys.readouterr().out.splitlines()[:-1] == lines


def test_without_a_device_nothing_is_measured(
    gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main(["--to", str(tmp_path / "gpu.md")]) == 0
    assert "not measured: torch" in capsys.readouterr().out
    assert not (tmp_path / "gpu.md").exists()


def test_a_part_that_fails_loses_no_other(gpu: ModuleType) -> None:
    table = gpu.Table(torch.device("cpu"), 100.0)

    def fails() -> str:
        raise RuntimeError("CUDA out of memory | of this device\nand more")

    table.add("m", "one", fails)
    table.add("m", "two", lambda: "2 ms")
    table.add("m", "three", lambda: "3 ms", least=1000.0)
    found = [line.found for line in table.lines]
    assert found[0] == "not measured: RuntimeError: CUDA out of memory / of this device"
    assert found[1] == "2 ms"
    assert found[2].startswith("not measured: ")
    assert "takes up to 1000 s" in found[2]
    assert table.page().count("\n| m |") == 3


def test_a_wrong_number_is_said(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    model = gpu.toy(torch.device("cpu"))
    assert gpu.same_numbers(model).startswith("yes")
    inner = gpu.plain_noise
    monkeypatch.setattr(gpu, "plain_noise", lambda seed, name, size, start: inner(seed + 1, name, size, start))
    assert gpu.same_numbers(model).startswith("NO: ")
