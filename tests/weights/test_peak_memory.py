"""How much memory directions and searches take, measured in processes of their own, in sizes of the model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="read from Linux's /proc")


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    script = Path(__file__).with_name("peak_memory.py")
    exact = {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}  # freed memory goes back at once
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path_factory.mktemp("peaks"))],
        env=os.environ | exact,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: float(sizes) for name, _, sizes in (line.rpartition(" ") for line in done.stdout.splitlines())}


@pytest.mark.parametrize(
    ("job", "least", "most"),
    [
        ("difference", 0.95, 1.3),  # the direction, and two of sixteen tensors
        ("move", 1.95, 2.4),  # beside the model: a pristine copy, and a direction
        ("draw again", 0.95, 1.4),  # a pristine copy, and what drawing one tensor takes
        ("ascent", 2.7, 3.4),  # beside the model: a pristine copy, gradients, one direction, one tensor
        ("curvature", 2.7, 3.4),
        ("save", 0.0, 0.25),
        ("sizes", 0.0, 0.4),  # two tensors of each of two directions
        ("write", 0.0, 0.4),  # beside the model: a few tensors, never a second one
    ],
)
def test_never_more_than_is_said(peaks: dict[str, float], job: str, least: float, most: float) -> None:
    assert least <= peaks[job] <= most
