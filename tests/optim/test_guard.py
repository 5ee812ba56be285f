"""The guard in a real Trainer: what it logs, where it stops, and what it counts after a resume."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from corrie.errors import InputError
from corrie.optim import BasinGuard


def test_logs_the_distance_that_training_went(tiny: Any, tmp_path: Path):
    net = tiny.model()
    start = tiny.weights(net)
    guard = BasinGuard(net, {"math": 1.0}, certified={"math": 50.0})
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no"), callbacks=[guard])
    trainer.train()
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(entries) == 6
    distances = [entry["basin/distance"] for entry in entries]
    assert distances == sorted(distances)
    slow = sum(float((a - b).double().square().sum()) for a, b in zip(start, tiny.weights(net), strict=True)) ** 0.5
    assert distances[-1] == pytest.approx(slow, rel=1e-6)
    dimension = sum(p.numel() for p in net.parameters())
    assert entries[-1]["basin/used/math"] == pytest.approx(slow / dimension**0.5, rel=1e-6)
    assert entries[-1]["basin/certified_left/math"] == pytest.approx(50.0 - slow, rel=1e-6)


class Reported(TrainerCallback):
    """Stands where TensorBoard's and Weights & Biases' callbacks stand: told of entries before the guard is."""

    def __init__(self) -> None:
        self.entries: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        self.entries.append({"step": state.global_step, **logs})


def test_having_joined_it_reaches_whatever_the_trainer_reports_to(tiny: Any, tmp_path: Path):
    net = tiny.model()
    reported = Reported()
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no"), callbacks=[reported])
    guard = BasinGuard(net, {"math": 1.0}, every=2).join(trainer)
    trainer.train()
    ours = [entry for entry in reported.entries if "basin/distance" in entry]
    assert [entry["step"] for entry in ours] == [2, 4, 6]
    assert guard.last is not None
    assert ours[-1]["basin/distance"] == guard.last.distance > 0


def test_warns_once_and_goes_on(tiny: Any, tmp_path: Path):
    net = tiny.model()
    guard = BasinGuard(net, {"math": 1e-3, "code": 1e6}, limit=0.5)
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no"), callbacks=[guard])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trainer.train()
    ours = [str(w.message) for w in said if "basin guard" in str(w.message)]
    assert len(ours) == 1
    assert "step 1, limit passed (50 % of a basin radius): distance" in ours[0]
    assert trainer.state.global_step == 6


def test_stops_at_the_limit(tiny: Any, tmp_path: Path):
    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no")
    free = BasinGuard(net, {"math": 1.0})
    trainer = tiny.trainer(net, args, callbacks=[free])
    trainer.train()
    path = [entry["basin/used/math"] for entry in trainer.state.log_history if "basin/used/math" in entry]
    limit = (path[2] + path[3]) / 2  # passed at the fourth step

    again = tiny.model()
    guard = BasinGuard(again, {"math": 1.0}, limit=limit, on_limit="stop")
    trainer = tiny.trainer(again, args, callbacks=[guard])
    with pytest.warns(UserWarning, match="step 4, stopped"):
        trainer.train()
    assert trainer.state.global_step == 4


def test_a_resumed_run_is_measured_from_the_base_model(tiny: Any, tmp_path: Path):
    ends = []
    for resume in (None, str(tmp_path / "checkpoint-3")):
        net = tiny.model()
        guard = BasinGuard(net, {"math": 1.0})
        tiny.trainer(net, tiny.arguments(tmp_path), callbacks=[guard]).train(resume_from_checkpoint=resume)
        assert guard.last is not None
        ends.append(guard.last.distance)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("options", [{"limit": 0.0}, {"limit": float("nan")}, {"every": 0}])
def test_what_cannot_be_meant_is_refused(tiny: Any, options: dict[str, float]):
    with pytest.raises(InputError, match="neither may be 0"):
        BasinGuard(tiny.model(), {"math": 1.0}, **options)  # type: ignore[arg-type]
