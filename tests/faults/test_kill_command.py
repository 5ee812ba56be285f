"""The real command, killed with SIGKILL at random moments of its life: start, loading, scanning, closing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corrie.records.sqlite_store import SqliteStore
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import save_toy_task

pytestmark = pytest.mark.faults

KILLS = 40


def test_the_command_survives_forty_kills(tmp_path: Path) -> None:
    toy = save_toy(tmp_path / "toy")
    task = save_toy_task(tmp_path / "letters.jsonl", toy_model())
    run = tmp_path / "run"
    command = [
        sys.executable, "-m", "corrie.cli.main", "scan", str(toy), "-t", f"{task}:40",
        "--direction", "gaussian:0-9", "--alpha", "0:0.4:21", "--to", str(run),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    dice = random.Random(11)
    kept: dict[tuple[str, str, int], bytes] = {}
    for _ in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        deadline = time.monotonic() + dice.choice([dice.uniform(0, 4), 60])
        wanted = len(kept) + dice.randrange(40)
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
            if (run / "run.db").exists():
                with SqliteStore.open(run) as store:
                    if len(store.keys()) >= wanted:
                        break
        time.sleep(dice.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0), err
        if not (run / "run.db").exists():
            continue
        with SqliteStore.open(run) as store:
            now = {(c.point, c.task, c.block): c.payload() for c in store.cells()}
        assert now.items() >= kept.items(), "an acknowledged cell was lost or changed"
        kept = now
    assert subprocess.run(command, check=False, capture_output=True, env=environment).returncode == 0
    with SqliteStore.open(run) as store:
        assert len(store.keys()) == (1 + 10 * 20) * 4
