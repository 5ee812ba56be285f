"""A running average in a Hugging Face Trainer: saved with its checkpoints, and what training ends in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from corrie.optim.averaging import Average

_FILE = "average.pt"


class AverageCallback(TrainerCallback):
    """Updates an average at every step of a Trainer; at the end the model holds it.

    It is kept beside each checkpoint, and a resumed Trainer goes on with it. The Trainer's own evaluations and
    checkpoints are of the weights themselves: ``with average.applied(): trainer.evaluate()`` is of the mean. Given
    before a :class:`~corrie.optim.BasinGuard`, what the guard measures at the end is the mean.

    Args:
        average: over tensors of the Trainer's model.
        at_end: whether the mean is written into the model at the end of training (also where the Trainer has loaded
            its best checkpoint), so that ``trainer.save_model()`` saves it.

    >>> from torch import nn
    >>> model = nn.Linear(4, 4)
    >>> AverageCallback(Average(model.parameters(), decay=0.99)).average.taken
    0
    """

    def __init__(self, average: Average, *, at_end: bool = True) -> None:
        self.average = average
        self.at_end = at_end

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not state.global_step:
            return
        file = _file(args, state)
        if file.is_file():
            self.average.load_state_dict(torch.load(file, weights_only=True))
        else:
            warnings.warn(f"the average begins at step {state.global_step}: there is no {file}", stacklevel=2)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.average.update()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        file = _file(args, state)
        if state.is_world_process_zero and file.parent.is_dir():
            torch.save(self.average.state_dict(), file)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.at_end and self.average.taken:
            self.average.install()


def _file(args: TrainingArguments, state: TrainerState) -> Path:
    """Beside the checkpoint of the present step."""
    return Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / _FILE
