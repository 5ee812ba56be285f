"""The guard in a real Trainer: what it logs, where it stops, and what it counts after a resume."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from transformers import Trainer, TrainerCallback

from corrie.errors import InputError
from corrie.optim import BasinGuard, for_trainer


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
    theirs = [entry["step"] for entry in reported.entries if "loss" in entry]
    assert theirs == [entry["step"] for entry in trainer.state.log_history if "loss" in entry] == [1, 2, 3, 4, 5, 6]


def test_tensorboard_gets_the_basin_and_keeps_the_loss(tiny: Any, tmp_path: Path):
    from tensorboardX.proto.event_pb2 import Event

    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no", report_to=["tensorboard"], logging_steps=2)
    trainer = tiny.trainer(net, args)
    guard = BasinGuard(net, {"math": 1.0}).join(trainer)
    trainer.train()
    seen: dict[str, list[tuple[int, float]]] = {}
    for file in tmp_path.rglob("events.out.tfevents.*"):
        data = file.read_bytes()
        while data:  # a record: its length in 8 bytes, a checksum of 4, itself, a checksum of 4
            size = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + size])
            for value in event.summary.value:
                seen.setdefault(value.tag, []).append((event.step, value.simple_value))
            data = data[16 + size :]
    assert guard.last is not None
    assert [step for step, _ in seen["train/basin/distance"]] == [2, 4, 6]
    assert seen["train/basin/distance"][-1][1] == pytest.approx(guard.last.distance, rel=1e-6)
    assert seen["train/basin/used/math"][-1][1] == pytest.approx(guard.last.used["math"], rel=1e-6)
    assert [step for step, _ in seen["train/loss"]] == [2, 4, 6]


def test_what_is_merged_is_of_the_step_that_is_logged(tiny: Any, tmp_path: Path):
    net, distances = tiny.model(), {}

    class Slow(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            distances[state.global_step] = guard.watch.measure().distance

    guard = BasinGuard(net, {"math": 1.0}, every=2)
    args = tiny.arguments(tmp_path, save_strategy="no", logging_steps=3)
    trainer = tiny.trainer(net, args, callbacks=[Slow(), guard])
    trainer.train()
    told = {e["step"]: e["basin/distance"] for e in trainer.state.log_history if "loss" in e}
    assert told == {3: distances[3], 6: distances[6]}


def test_warns_once_and_goes_on(tiny: Any, tmp_path: Path):
    net = tiny.model()
    guard = BasinGuard(net, {"math": 1e-3, "code": 1e6}, limit=0.5)
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no"), callbacks=[guard])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trainer.train()
    ours = [str(w.message) for w in said if "basin guard" in str(w.message)]
    assert len(ours) == 1
    assert "step 1, limit passed (math past 50 % of the radius): distance" in ours[0]
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


def test_joined_with_every_it_still_looks_whenever_the_trainer_logs(tiny: Any, tmp_path: Path):
    net = tiny.model()
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no", logging_steps=2))
    BasinGuard(net, {"math": 1e-9}, on_limit="stop", every=100).join(trainer)
    with pytest.warns(UserWarning, match="step 2, stopped"):
        trainer.train()
    assert trainer.state.global_step == 2


def test_an_evaluation_returns_its_own_metrics(tiny: Any, tmp_path: Path):
    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no")
    trainer = tiny.trainer(net, args, eval_dataset=tiny.examples(4), callbacks=[BasinGuard(net, {"math": 1.0})])
    assert not any(name.startswith("basin/") for name in trainer.evaluate())


def test_what_is_logged_within_a_step_is_left_alone(tiny: Any, tmp_path: Path):
    """There a GO holds the weights at θ + ε, which is no move of the fine-tune."""
    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no")
    guard = BasinGuard(net, {"math": 1e-3}, limit=1e6, on_limit="stop")

    class Telling(Trainer):
        def compute_loss(self, *given: Any, **options: Any) -> Any:
            loss = super().compute_loss(*given, **options)
            self.log({"inside": 1.0})
            return loss

    go = for_trainer(args, net, sigma=100.0)
    trainer = Telling(
        model=net, args=args, train_dataset=tiny.examples(), callbacks=[guard], optimizer_cls_and_kwargs=go
    )
    trainer.train()
    assert trainer.state.global_step == 6
    assert not any("basin/distance" in e for e in trainer.state.log_history if "inside" in e)


@pytest.mark.parametrize("logging", [{"logging_strategy": "no"}, {"logging_strategy": "epoch"}, {"logging_steps": 500}])
def test_it_stops_however_seldom_the_trainer_logs(tiny: Any, tmp_path: Path, logging: dict[str, Any]):
    net = tiny.model()
    guard = BasinGuard(net, {"math": 1e-9}, on_limit="stop")
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no", **logging), callbacks=[guard])
    with pytest.warns(UserWarning, match="step 1, stopped"):
        trainer.train()
    assert trainer.state.global_step == 1


@pytest.mark.parametrize("logging", [{"logging_strategy": "no"}, {"logging_strategy": "epoch"}, {"logging_steps": 500}])
def test_the_end_is_measured_however_seldom_the_trainer_logs(tiny: Any, tmp_path: Path, logging: dict[str, Any]):
    net = tiny.model()
    guard = BasinGuard(net, {"math": 1e-9})
    with pytest.warns(UserWarning, match="limit passed"):
        tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no", **logging), callbacks=[guard]).train()
    assert guard.last is not None
    assert guard.last.distance == guard.watch.measure().distance > 0


def test_a_certified_radius_is_guarded_too(tiny: Any, tmp_path: Path):
    net = tiny.model()
    guard = BasinGuard(net, {"math": 1e6}, certified={"math": 1e-6}, on_limit="stop")
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no"), callbacks=[guard])
    with pytest.warns(UserWarning, match=r"math \(certified\) past 100 % of the radius"):
        trainer.train()
    assert trainer.state.global_step == 1


def test_weights_that_are_no_numbers_stop_it(tiny: Any, tmp_path: Path):
    net = tiny.model()
    guard = BasinGuard(net, {"math": 1e30}, on_limit="stop")
    args = tiny.arguments(tmp_path, save_strategy="no", learning_rate=1e38)
    trainer = tiny.trainer(net, args, callbacks=[guard])
    with pytest.warns(UserWarning, match="stopped"):
        trainer.train()
    assert trainer.state.global_step < 6


def test_a_trainer_of_another_model_is_refused(tiny: Any, tmp_path: Path):
    guard = BasinGuard(tiny.model(), {"math": 1.0})
    trainer = tiny.trainer(tiny.model(), tiny.arguments(tmp_path, save_strategy="no"), callbacks=[guard])
    with pytest.raises(InputError, match="are not in the Trainer's model"):
        trainer.train()


def test_a_resumed_run_is_measured_from_the_base_model(tiny: Any, tmp_path: Path):
    ends = []
    for resume in (None, str(tmp_path / "checkpoint-3")):
        net = tiny.model()
        guard = BasinGuard(net, {"math": 1.0})
        tiny.trainer(net, tiny.arguments(tmp_path), callbacks=[guard]).train(resume_from_checkpoint=resume)
        assert guard.last is not None
        ends.append(guard.last.distance)
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limit": 0.0}, "no positive share"),
        ({"limit": float("nan")}, "no positive share"),
        ({"limit": "80%"}, "no positive share"),
        ({"every": 0}, "0 or less"),
        ({"on_limit": "halt"}, 'Try: "warn" or "stop"'),
    ],
)
def test_what_cannot_be_meant_is_refused(tiny: Any, options: dict[str, Any], said: str):
    with pytest.raises(InputError, match=said):
        BasinGuard(tiny.model(), {"math": 1.0}, **options)
