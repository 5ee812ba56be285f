"""A Trainer callback that says how much of each basin a fine-tune has used up, and can stop it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from corrie.errors import InputError
from corrie.optim.watch import BasinWatch, Whereabouts


class BasinGuard(TrainerCallback):
    """Logs where the fine-tune stands in the base model's basins; warns or stops at a limit.

    Args:
        model, radii, certified, certified_in, tensors, dimension: as of :class:`~corrie.optim.BasinWatch`. Make the
            guard before training, with the base model's weights in ``model``.
        limit: the fraction of a basin radius that may be used up.
        on_limit: ``warn`` once for each capability, or ``stop`` the training.
        every: measure each so many optimizer steps; None: whenever the Trainer logs.

    The numbers (``basin/distance``, ``basin/used/math``, …) are merged into the Trainer's own log entries. A Trainer
    tells TensorBoard and Weights & Biases of an entry before it tells callbacks that were given to it, so for these
    let the guard join the Trainer instead, ``BasinGuard(…).join(trainer)``: then it logs entries of its own.

    Raises:
        InputError: as BasinWatch, or a limit that is not positive.

    >>> model = nn.Linear(4, 4, bias=False)
    >>> guard = BasinGuard(model, {"math": 0.1}, limit=0.8, on_limit="stop")
    >>> print(guard.watch.measure())
    distance 0 from the base (σ 0): math 0 % of its basin radius
    """

    def __init__(
        self,
        model: nn.Module,
        radii: Mapping[str, float] | None = None,
        *,
        certified: Mapping[str, float] | None = None,
        certified_in: Literal["trained", "weights"] = "trained",
        tensors: Iterable[Tensor] | None = None,
        dimension: int | None = None,
        limit: float = 1.0,
        on_limit: Literal["warn", "stop"] = "warn",
        every: int | None = None,
    ) -> None:
        if not limit > 0 or (every is not None and every < 1):
            raise InputError(
                f"BasinGuard(limit={limit}, every={every})", found="neither may be 0 or less", advice="limit=0.8"
            )
        self.watch = BasinWatch(
            model, radii, certified=certified, certified_in=certified_in, tensors=tensors, dimension=dimension
        )
        self.limit = limit
        self.on_limit = on_limit
        self.every = every
        self.last: Whereabouts | None = None
        self._warned: set[str] = set()
        self._log: Callable[[dict[str, float]], None] | None = None
        self._fresh = False

    def join(self, trainer: Trainer) -> Self:
        """Become a callback of ``trainer`` and log through it, to everything it reports to."""
        self._log = trainer.log
        trainer.add_callback(self)
        return self

    def on_step_end(  # type: ignore[override]  # the base class says None; the Trainer takes what comes back
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        due = control.should_log if self.every is None else state.global_step % self.every == 0
        if not due:
            return control
        self.last = self.watch.measure()
        self._fresh = True
        if self._log is not None:
            self._fresh = False
            self._log(self.last.as_log())
        self._judge(self.last, state, control)
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not self._fresh or self.last is None:
            return
        self._fresh = False
        values = self.last.as_log()
        if logs is not None:
            logs.update(values)
        if state.log_history and state.log_history[-1].get("step") == state.global_step:
            state.log_history[-1].update(values)

    def _judge(self, here: Whereabouts, state: TrainerState, control: TrainerControl) -> None:
        past = here.past(self.limit)
        news = [name for name in past if name not in self._warned]
        if self.on_limit == "stop" and past:
            control.should_training_stop = True
        if news and state.is_world_process_zero:
            self._warned.update(news)
            verb = "stopped" if self.on_limit == "stop" else "limit passed"
            warnings.warn(
                f"basin guard, step {state.global_step}, {verb} ({100 * self.limit:.3g} % of a basin radius): {here}",
                stacklevel=2,
            )
