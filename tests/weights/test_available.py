"""What moving a model takes, measured on one of a hundred million weights; and what a device has to give."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from corrie.weights import available
from corrie.weights.available import available_memory

_MEASURE = """
import re, sys
from pathlib import Path
import torch
from torch import nn
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.weights.perturbed import Moving
from corrie.weights.selection import select

WIDTH, LAYERS = 2048, 25
net = nn.Sequential(*(nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.bfloat16) for _ in range(LAYERS)))
small = nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.bfloat16)
weights = Moving(select(small), draw="again")
weights.to(Point.along(Gaussian(seed=1), 0.01))  # what is loaded at first use
del weights, small

def megabytes(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

Path("/proc/self/clear_refs").write_text("5")
before = megabytes("VmRSS")
weights = Moving(select(net), draw=sys.argv[1])
for seed in range(2):
    weights.to(Point.along(Gaussian(seed=seed), 0.01))
print(megabytes("VmHWM") - before)
"""
MODEL, TENSOR = 25 * 2048 * 2048 * 2 / 2**20, 2048 * 2048 * 4 / 2**20


def _peak(draw: str) -> float:
    """MiB beyond the model itself."""
    command = [sys.executable, "-c", _MEASURE, draw]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)


@pytest.mark.real
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read from Linux's /proc")
def test_drawn_again_it_takes_one_pristine_copy_and_a_tensor() -> None:
    again, keep = _peak("again"), _peak("keep")
    assert MODEL < again < MODEL + 2 * TENSOR, "the pristine copy, one drawn tensor, and some room to write in"
    assert 3 * MODEL < keep < 3 * MODEL + 2 * TENSOR, "a direction in float32 takes twice a model in bfloat16"


def test_a_system_that_does_not_say_has_none_to_count_with() -> None:
    there = available_memory(torch.device("cpu"))
    assert there is None or there > 0
    assert available_memory(torch.device("meta")) is None


@pytest.mark.parametrize(
    ("files", "there"),
    [
        ({}, None),
        ({"memory.max": "max", "memory.current": "5"}, None),
        ({"memory.max": "1000", "memory.current": "600", "memory.stat": "anon 1\ninactive_file 150\n"}, 550),
        ({"memory.max": "1000", "memory.current": "1200", "memory.stat": ""}, 0),
        (
            {
                "memory/memory.limit_in_bytes": "1000",
                "memory/memory.usage_in_bytes": "300",
                "memory/memory.stat": "total_inactive_file 100",
            },
            800,
        ),
    ],
)
def test_a_container_has_no_more_than_its_limit(files: dict[str, str], there: int | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available._of_group(tmp_path) == there
