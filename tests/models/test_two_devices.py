"""A model over two devices, as accelerate spreads it, in a process of its own: the two devices are made for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_over_two_devices_everything_is_as_on_one() -> None:
    command = [sys.executable, "-m", "tests.models.two_devices"]
    place = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    said = [line.split()[0] for line in done.stdout.splitlines() if line.endswith(" ok")]
    assert said == ["same", "points", "scores", "certified", "loaded"]
