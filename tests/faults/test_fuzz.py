"""Three thousand damaged inputs of every kind: none ends in a traceback, a hang, an abort, 4 GB, or a wrong number."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200)]

FUZZ = Path(__file__).parent / "fuzz"


def test_every_damaged_input_is_answered() -> None:
    found = subprocess.run(
        [sys.executable, FUZZ, "--cases", "3000"], check=False, capture_output=True, text=True, encoding="utf-8"
    )
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2_000:]
    assert "all 3" in found.stdout
