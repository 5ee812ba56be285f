"""A Trainer callback that says how much of each basin a fine-tune has used up, and can stop it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from corrie.errors import InputError
from corrie.optim.module import Trainable
from corrie.optim.radii import BasinRadii, CertifiedRadii, Measure
from corrie.optim.watch import BasinWatch, Whereabouts, check_limit


class BasinGuard(TrainerCallback):
    """Logs where the fine-tune stands in the base model's basins; warns or stops at a limit.

    Args:
        model, radii, certified, certified_in, tensors, dimension: as of :class:`~corrie.optim.BasinWatch`. Make the
            guard before training, with the base model's weights in ``model``.
        limit: the fraction of a radius, a basin's or a certified one, that may be used up.
        on_limit: ``warn`` once for each capability, or ``stop`` the training.
        every: measure each so many optimizer steps. None: at every step for ``stop``, else whenever the Trainer logs.
            At the Trainer's logs and at the end of training it is measured in any case.

    The numbers (``basin/distance``, ``basin/used/math``, …) are merged into the Trainer's own log entries. A Trainer
    tells TensorBoard and Weights & Biases of an entry before it tells callbacks that were given to it, so for these
    let the guard join the Trainer instead, ``BasinGuard(…).join(trainer)``: then it logs entries of its own, whenever
    the Trainer logs or, with ``every``, at these steps.

    Raises:
        InputError: as BasinWatch, a limit or ``every`` that is not positive, another ``on_limit``; in training, a
            Trainer whose model does not hold what is watched.

    >>> from torch import nn
    >>> model = nn.Linear(4, 4, bias=False)
    >>> guard = BasinGuard(model, {"math": 0.1}, limit=0.8, on_limit="stop")
    >>> print(guard.watch.measure())
    distance 0 from the base (σ 0): math 0 % of its basin radius
    """

    def __init__(
        self,
        model: Trainable,
        radii: BasinRadii | None = None,
        *,
        certified: CertifiedRadii | None = None,
        certified_in: Measure | None = None,
        tensors: Iterable[Tensor] | None = None,
        dimension: int | None = None,
        limit: float = 1.0,
        on_limit: Literal["warn", "stop"] = "warn",
        every: int | None = None,
    ) -> None:
        check_limit(limit)
        if every is not None and every < 1:
            raise InputError(f"BasinGuard(every={every})", found="it may not be 0 or less", advice="every=10")
        if on_limit not in ("warn", "stop"):
            raise InputError(
                f"BasinGuard(on_limit={on_limit!r})", found="there is no such choice", advice='"warn" or "stop"'
            )
        self.watch = BasinWatch(
            model, radii, certified=certified, certified_in=certified_in, tensors=tensors, dimension=dimension
        )
        self.limit = limit
        self.on_limit = on_limit
        self.every = every
        self.last: Whereabouts | None = None
        self._measured: int | None = None
        self._merged: int | None = None
        self._warned: set[str] = set()
        self._inside = False
        self._log: Callable[[dict[str, float]], None] | None = None

    def join(self, trainer: Trainer) -> Self:
        """Become a callback of ``trainer`` and log through it, to everything it reports to."""
        self._log = trainer.log
        trainer.add_callback(self)
        return self

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        held = frozenset(kwargs["model"].parameters())
        strangers = [tensor for tensor in self.watch.tensors if tensor not in held]
        if strangers:
            raise InputError(
                "BasinGuard in a Trainer",
                found=f"{len(strangers)} of {len(self.watch.tensors)} watched tensors are not in the Trainer's model: "
                "it is another one, or was wrapped or sharded since",
                advice="BasinGuard(trainer.model, …), after get_peft_model",
            )
        self._measured = self._merged = None
        self._inside = False

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._inside = True  # between here and the end of the step a GO may hold the weights at θ + ε

    def on_step_end(  # type: ignore[override]  # the base class says None; the Trainer takes what comes back
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        self._inside = False
        to_log = control.should_log if self.every is None else state.global_step % self.every == 0
        due = to_log or control.should_log or (self.every is None and self.on_limit == "stop")
        return self._look(state, control, to_log, due)

    def on_epoch_end(  # type: ignore[override]
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        return self._look(state, control, control.should_log and self.every is None, control.should_log)

    def on_train_end(  # type: ignore[override]
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        self._measured = None  # the Trainer may have loaded its best checkpoint
        return self._look(state, control, False, True)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if self._inside or self._log is not None or self._merged == state.global_step:
            return
        self._merged = state.global_step
        self._look(state, control, False, True)
        values = self.last.as_log() if self.last is not None else {}
        if logs is not None and "loss" in logs:
            logs.update(values)
        if state.log_history and state.log_history[-1].get("step") == state.global_step:
            state.log_history[-1].update(values)

    def _look(self, state: TrainerState, control: TrainerControl, to_log: bool, due: bool) -> TrainerControl:
        """Measure where it is due, once a step; log entries of our own where they are wanted."""
        if due and self._measured != state.global_step:
            self._measured = state.global_step
            self.last = self.watch.measure()
            self._judge(self.last, state, control)
        if to_log and self._log is not None and self.last is not None and self._merged != state.global_step:
            self._merged = state.global_step
            wanted = control.should_log
            self._log(self.last.as_log())
            control.should_log = wanted  # logging has cleared it, and the Trainer's own entry is still to come
        return control

    def _judge(self, here: Whereabouts, state: TrainerState, control: TrainerControl) -> None:
        past = here.past(self.limit)
        news = [name for name in past if name not in self._warned]
        if self.on_limit == "stop" and past:
            control.should_training_stop = True
        if news and state.is_world_process_zero:
            self._warned.update(news)
            verb = "stopped" if self.on_limit == "stop" else "limit passed"
            warnings.warn(
                f"basin guard, step {state.global_step}, {verb} ({', '.join(news)} past {100 * self.limit:.3g} % of "
                f"the radius): {here}",
                stacklevel=2,
            )
