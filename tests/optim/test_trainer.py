"""An unmodified Hugging Face Trainer trains, saves and resumes with GO, by either of its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

from corrie.errors import InputError
from corrie.optim import GO, Ball, Ramp, choose, for_trainer


def by_class(net: LlamaForCausalLM, args: TrainingArguments, sigma: float) -> dict[str, Any]:
    return {"optimizer_cls_and_kwargs": for_trainer(args, net, sigma=sigma, schedule=Ramp(4))}


def by_instance(net: LlamaForCausalLM, args: TrainingArguments, sigma: float) -> dict[str, Any]:
    base = torch.optim.AdamW(net.parameters(), lr=args.learning_rate)
    return {"optimizers": (GO(base, sigma=sigma, schedule=Ramp(4)).attach(net), None)}


Ways = pytest.mark.parametrize("way", [by_class, by_instance])


def go_of(trainer: Trainer) -> GO:
    optimizer = trainer.optimizer
    inner = getattr(optimizer, "optimizer", optimizer)
    assert isinstance(inner, GO)
    return inner


@Ways
def test_trains_saves_and_resumes_bit_for_bit(way: Any, tmp_path: Path, tiny: Any):
    net = tiny.model()
    args = tiny.arguments(tmp_path)
    trainer = tiny.trainer(net, args, **way(net, args, 0.02))
    start = tiny.weights(net)
    trainer.train()
    assert go_of(trainer).draws == 12  # two micro-batches a step
    assert not tiny.same(start, tiny.weights(net))

    again = tiny.model(seed=5)
    args = tiny.arguments(tmp_path)
    resumed = tiny.trainer(again, args, **way(again, args, 0.02))
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert go_of(resumed).draws == 12
    assert tiny.same(tiny.weights(net), tiny.weights(again))


@Ways
def test_noise_reaches_the_gradients(way: Any, tmp_path: Path, tiny: Any):
    ends = []
    for sigma in (0.0, 0.2):
        net = tiny.model()
        args = tiny.arguments(tmp_path, save_strategy="no")
        tiny.trainer(net, args, **way(net, args, sigma)).train()
        ends.append(tiny.weights(net))
    assert not tiny.same(*ends)


def test_sigma_zero_is_the_trainer_without_go(tmp_path: Path, tiny: Any):
    """Its groups with and without weight decay, its schedule, its clipping: all untouched."""
    ends = []
    for with_go in (False, True):
        net = tiny.model()
        args = tiny.arguments(tmp_path, save_strategy="no", warmup_steps=2, max_grad_norm=0.5)
        options = by_class(net, args, 0.0) if with_go else {}
        trainer = tiny.trainer(net, args, **options)
        trainer.train()
        ends.append((tiny.weights(net), [g["weight_decay"] for g in trainer.optimizer.param_groups]))
    assert tiny.same(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1] == [0.1, 0.0]


@Ways
def test_whatever_looks_at_the_weights_sees_them_as_they_are(way: Any, tmp_path: Path, tiny: Any):
    """Evaluation, logging, saving and every callback event happen at θ."""
    net = tiny.model()
    args = tiny.arguments(tmp_path, eval_strategy="steps", eval_steps=2)
    trainer = tiny.trainer(net, args, eval_dataset=tiny.examples(4), **way(net, args, 0.2))
    looked: list[str] = []

    class Look(TrainerCallback):
        def _look(self, event: str) -> None:
            assert not go_of(trainer).is_perturbed, event
            looked.append(event)

        def on_substep_end(self, *args: Any, **kwargs: Any) -> None:
            self._look("substep")

        def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
            self._look("before step")

        def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
            self._look("evaluate")

        def on_save(self, *args: Any, **kwargs: Any) -> None:
            self._look("save")
            folder = tmp_path / f"checkpoint-{trainer.state.global_step}"
            saved = load_file(folder / "model.safetensors")
            live = dict(net.named_parameters())
            assert all(torch.equal(value, live[name]) for name, value in saved.items())

    trainer.add_callback(Look())
    trainer.train()
    assert set(looked) == {"substep", "before step", "evaluate", "save"}
    clean = tiny.model()
    clean.load_state_dict(net.state_dict())
    plain = tiny.trainer(clean, args, eval_dataset=tiny.examples(4))
    assert trainer.evaluate()["eval_loss"] == plain.evaluate()["eval_loss"]


def test_gradient_checkpointing_gives_the_same_training(tmp_path: Path, tiny: Any):
    ends = []
    for options in ({}, {"gradient_checkpointing": True}):
        net = tiny.model()
        args = tiny.arguments(tmp_path, save_strategy="no", **options)
        tiny.trainer(net, args, **by_class(net, args, 0.1)).train()
        ends.append(tiny.weights(net))
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_bfloat16_autocast_trains(tmp_path: Path, tiny: Any):
    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no", bf16=True, max_steps=2)
    trainer = tiny.trainer(net, args, **by_class(net, args, 0.1))
    trainer.train()
    assert go_of(trainer).draws == 4
    assert all(w.dtype == torch.float32 and bool(w.isfinite().all()) for w in tiny.weights(net))


def test_options_reach_go(tmp_path: Path, tiny: Any):
    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no", max_steps=1)
    chosen = choose(net, "*proj.weight")
    options = for_trainer(args, net, sigma=0.1, tensors=chosen, antithetic=True, seed=3)
    trainer = tiny.trainer(net, args, optimizer_cls_and_kwargs=options)
    trainer.train()
    go = go_of(trainer)
    assert go.param_groups[0]["go_seed"] == 3
    assert go.buffer_bytes == sum(p.numel() * 4 for p in chosen)


def test_the_noise_has_the_trainer_s_seed(tmp_path: Path, tiny: Any):
    net = tiny.model()
    _, options = for_trainer(tiny.arguments(tmp_path, seed=7), net, sigma=0.1)
    assert options["seed"] == 7


@pytest.mark.parametrize("options", [{"sigma": -0.1}, {"sigma": float("nan")}, {"sigma": "auto"}, {"schedule": 3}])
def test_what_go_refuses_is_refused_at_once(tmp_path: Path, tiny: Any, options: dict[str, Any]):
    args, net = tiny.arguments(tmp_path), tiny.model()
    with pytest.raises(InputError):
        for_trainer(args, net, **options)
    with pytest.raises(TypeError, match="sigm"):
        for_trainer(args, net, sigm=0.1)
    with pytest.raises(InputError, match="no TrainingArguments"):
        for_trainer(net, args, sigma=0.1)  # type: ignore[arg-type]


def test_a_ball_holds_in_a_trainer(tmp_path: Path, tiny: Any):
    net = tiny.model()
    args = tiny.arguments(tmp_path, save_strategy="no")
    trainer = tiny.trainer(net, args, **by_class(net, args, 0.02))
    ball = Ball(net.parameters(), radius=0.01)
    ball.hold(trainer.create_optimizer())
    trainer.train()
    assert 0.009 < ball.distance() <= 0.01


def test_optimizers_made_from_the_model_are_refused(tmp_path: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch):
    """As the layer-wise ones give themselves to a Trainer."""
    layer_wise = staticmethod(lambda args, model: (torch.optim.AdamW, {"lr": 0.1, "optimizer_dict": {}}))
    monkeypatch.setattr(Trainer, "get_optimizer_cls_and_kwargs", layer_wise)
    with pytest.raises(InputError, match="made from the model"):
        for_trainer(tiny.arguments(tmp_path), tiny.model(), sigma=0.1)
