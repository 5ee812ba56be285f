"""The line on vLLM of ``make gpu``, by the same way on a toy and a processor."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import torch
from tests.vllm.toy import saved

from corrie.models.load import load


def test_writing_by_vllm_is_a_line_without_a_gap(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
    spec = importlib.util.spec_from_file_location("benchmark_with_vllm", file)
    assert spec is not None
    assert spec.loader is not None
    gpu = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = gpu
    spec.loader.exec_module(gpu)
    folder, table = saved(tmp_path / "toy"), gpu.Table(torch.device("cpu"), 600.0)
    table.add("toy", "writing by vLLM", lambda: gpu.writing_by_vllm(table, lambda device: load(folder), small=True))
    (line,) = table.lines
    said = r"\S+ tokens a second, 4 answers of up to 4 tokens at once; a point laid down in .* ms; made and .*, eager"
    assert re.fullmatch(said, line.found), line.found
