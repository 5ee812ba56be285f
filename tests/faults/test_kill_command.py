"""Every command, killed with SIGKILL at random moments of its life; then the same command ends as if it never was."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

KILLS = Path(__file__).parent / "kills"


def test_every_command_survives_its_kills() -> None:
    found = subprocess.run(
        [sys.executable, KILLS, "--kills", "9"], check=False, capture_output=True, text=True, encoding="utf-8"
    )
    assert found.returncode == 0, found.stdout + found.stderr[-2_000:]
    assert "FAILED" not in found.stdout
    assert int(found.stdout.rsplit("all ", 1)[1].split()[0]) >= 15 * 9
