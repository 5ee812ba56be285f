"""What is logged is read back from TensorBoard's files, with a reader that is not the writer."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.testing.toy_models import toy_model
from corrie.widening.kept_state import KeptState
from corrie.widening.lessons import Lessons
from corrie.widening.loggers import check_loggers, logged

pytest.importorskip("tensorboardX")

SHORT: dict[str, Any] = {"sigma": 0.05, "steps": 6, "written": 6, "windows": 2, "window": 8, "measure": False}


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every scalar in every event file of a folder, by name: (step, value)."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.rglob("events*")):
        data = file.read_bytes()
        while data:
            (size,) = struct.unpack("<Q", data[:8])  # a record: its length, a checksum, itself, a checksum
            event = Event.FromString(data[12 : 12 + size])
            data = data[16 + size :]
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_every_step_is_logged_and_logging_changes_nothing(model: Model, tmp_path: Path) -> None:
    plain = corrie.widen(model, out=tmp_path / "plain", **SHORT)
    found = corrie.widen(model, out=tmp_path / "wide", log=["tensorboard"], **SHORT)
    assert found.widened.fingerprint == plain.widened.fingerprint
    told = scalars(tmp_path / "wide" / "log")
    assert told.keys() == {"train/loss", "train/sigma", "train/learning_rate", "train/tokens"}
    rows = [line.split(",") for line in (tmp_path / "wide" / "steps.csv").read_text().splitlines()[1:]]
    for name, column in (("sigma", 1), ("learning_rate", 2), ("loss", 3)):
        assert [step for step, _ in told[f"train/{name}"]] == [1, 2, 3, 4, 5, 6]
        assert [value for _, value in told[f"train/{name}"]] == pytest.approx(
            [float(row[column]) for row in rows], rel=1e-5
        )
    assert told["train/tokens"] == [(n, n * 2 * 2 * 8) for n in range(1, 7)]


def test_a_resumed_run_goes_on_in_the_same_log(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    loss = Lessons.loss

    def killed(self: Lessons, student: Any, step: int) -> Any:
        if step == 3:
            raise Killed
        return loss(self, student, step)

    monkeypatch.setattr(KeptState, "is_due", True)
    with monkeypatch.context() as broken:
        broken.setattr(Lessons, "loss", killed)
        with pytest.raises(Killed):
            corrie.widen(model, out=tmp_path / "wide", log=["tensorboard"], **SHORT)
    corrie.widen(model, out=tmp_path / "wide", log=["tensorboard"], **SHORT)
    told = scalars(tmp_path / "wide" / "log")
    assert [step for step, _ in told["train/loss"]] == [1, 2, 3, 4, 5, 6]
    assert told["train/tokens"][-1] == (6, 6 * 2 * 2 * 8)


def test_the_environment_says_where_and_is_left_as_it_was(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "mine"))
    monkeypatch.delenv("WANDB_RUN_ID", raising=False)
    with logged(["tensorboard"], tmp_path / "log", "5f2a", model.module, {}) as log:
        log.step(1, loss=0.5)
    assert scalars(tmp_path / "mine") == {"train/loss": [(1, 0.5)]}
    assert not (tmp_path / "log").exists()
    assert "WANDB_RUN_ID" not in os.environ


def test_what_cannot_be_had_is_refused_before_anything_is_written(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pigeon is not supported, only .*tensorboard"):
        corrie.widen(model, out=tmp_path / "wide", log=["tensorboard", "pigeon"], **SHORT)
    assert not list(tmp_path.iterdir())


def test_what_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.integrations import integration_utils

    monkeypatch.setattr(integration_utils, "is_wandb_available", lambda: False)
    with pytest.raises(InputError, match="WandbCallback requires wandb to be installed"):
        check_loggers(["wandb"])
