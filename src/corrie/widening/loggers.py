"""A run's steps in TensorBoard, Weights & Biases and whatever else a Trainer reports to.

The loggers are transformers' own callbacks, by the names that a Trainer's ``report_to`` takes, fed as a Trainer feeds
them: so they read the environment variables that they always read, and what they show stands where it always stands.
A run that is stopped and resumed goes on in the same log, where the logger can: TensorBoard in the same folder, Weights
& Biases in the run of the same id. Steps after the last kept state are made again, and logged again with the same
numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from corrie.errors import InputError


def check_loggers(names: Sequence[str]) -> None:
    """Refuse loggers that cannot be had, before anything is begun.

    Raises:
        InputError: no such logger, or what it needs is not installed.

    >>> check_loggers(["pigeon"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    corrie.errors.InputError: --log pigeon: pigeon is not supported, only ... Try: --log tensorboard
    """
    if _made(names):
        try:
            import accelerate  # noqa: F401  # a Trainer's arguments need it
        except ImportError:
            raise _refused(names, "accelerate is not installed", "pip install 'corrie[devices]'") from None


@contextmanager
def logged(
    names: Sequence[str], folder: Path, run: str, module: nn.Module, terms: Mapping[str, Any]
) -> Iterator[StepLog]:
    """Who is to be notified of every step.

    Args:
        names: of loggers, as a Trainer's ``report_to`` takes them.
        folder: for their files.
        run: a name of the run, the same when it is resumed.
        module: what is trained, for those that show its configuration.
        terms: of a Trainer's arguments, for those that show them.

    Raises:
        InputError: as :func:`check_loggers`.

    >>> with logged((), Path("log"), "5f2a", nn.Linear(1, 1), {}) as log:
    ...     log.step(1, loss=0.5)  # to nobody
    """
    with _where(folder, run):
        _wait_for_a_name(Path(os.environ["TENSORBOARD_LOGGING_DIR"]))
        log = StepLog(_made(names), module, folder, names, terms)
    try:
        yield log
    finally:
        log.tell("on_train_end")


class StepLog:
    """The loggers of a run that has begun."""

    def __init__(
        self, callbacks: Sequence[Any], module: nn.Module, folder: Path, names: Sequence[str], terms: Mapping[str, Any]
    ) -> None:
        from transformers import TrainerControl, TrainerState, TrainingArguments

        self._callbacks, self._module = callbacks, module
        self._state, self._control = TrainerState(), TrainerControl()
        if callbacks:
            self._arguments = TrainingArguments(str(folder), report_to=list(names), logging_steps=1, **terms)
        self.tell("on_train_begin")

    def step(self, number: int, **values: float) -> None:
        """Log the numbers of a finished step, the first one 1."""
        self._state.global_step = number
        self.tell("on_log", logs=values)

    def tell(self, event: str, **more: Any) -> None:
        """Notify every logger."""
        for callback in self._callbacks:
            getattr(callback, event)(self._arguments, self._state, self._control, model=self._module, **more)


def _made(names: Sequence[str]) -> list[Any]:
    from transformers.integrations.integration_utils import get_reporting_integration_callbacks

    try:
        return [kind() for kind in get_reporting_integration_callbacks(names[0] if len(names) == 1 else list(names))]
    except ValueError as problem:
        raise _refused(names, str(problem).rstrip("."), "--log tensorboard") from None
    except (RuntimeError, ImportError) as problem:
        raise _refused(names, str(problem).partition(". ")[0].rstrip("."), "install it, or another logger") from None


def _refused(names: Sequence[str], found: str, advice: str) -> InputError:
    return InputError(f"--log {', '.join(names)}", found=found, advice=advice)


def _wait_for_a_name(folder: Path) -> None:
    """TensorBoard's writer names a file by the second that it is made in, and writes over one that has this name."""
    while any(folder.glob(f"events.out.tfevents.{int(time.time())}.*")):
        time.sleep(0.05)


@contextmanager
def _where(folder: Path, run: str) -> Iterator[None]:
    """The loggers read from the environment where to log; what stands there already, stays."""
    usual = {"TENSORBOARD_LOGGING_DIR": str(folder), "WANDB_RUN_ID": run, "WANDB_RESUME": "allow"}
    added = usual.keys() - os.environ.keys()
    os.environ.update({name: usual[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
