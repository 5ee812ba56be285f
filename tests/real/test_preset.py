"""The paper's tasks, end to end, on their real data: a small model with random weights answers them all."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corrie.capabilities.presets import PRESETS
from corrie.cli.main import app
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.toy_models import save_toy

pytestmark = pytest.mark.real


def toy_that_reads_long_prompts(folder: Path) -> Path:
    save_toy(folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"max_position_embeddings": 2**15}))
    return folder


def test_every_task_is_scored_and_reported(tmp_path: Path) -> None:
    model, run, report = toy_that_reads_long_prompts(tmp_path / "toy"), tmp_path / "run", tmp_path / "report.html"
    words = ["--preset", "paper", "--examples", "2", "--alpha", "0:0.01:2", "--direction", "gaussian:0"]
    dry = CliRunner().invoke(app, ["scan", str(model), *words, "--to", str(run), "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert not run.exists()
    scanned = CliRunner().invoke(app, ["scan", str(model), *words, "--to", str(run)])
    assert scanned.exit_code == 0, scanned.output
    with SqliteStore.open(run) as store:
        cells = list(store.cells())
        scored = {task.id: task.name for task in store.tasks()}
    asked = {name for name, _ in PRESETS["paper"].tasks}
    assert set(scored.values()) == asked
    assert len(cells) == 2 * len(asked)
    assert all(len(cell.outcomes) == 2 and None not in [o.success for o in cell.outcomes] for cell in cells)
    drawn = CliRunner().invoke(app, ["report", str(run), "--out", str(report)])
    assert drawn.exit_code == 0, drawn.output
    assert all(name in report.read_text(encoding="utf-8") for name in asked)
