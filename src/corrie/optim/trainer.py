"""GO in a Hugging Face Trainer: one argument."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from transformers import Trainer, TrainingArguments

from corrie.errors import InputError
from corrie.optim.go import GO
from corrie.optim.module import Trainable, module_of


class TrainerGO(GO):
    """A GO that makes its base optimizer from parameter groups, as a Trainer wants its optimizers made.

    Args:
        params: the groups.
        base_class, base_options: the base optimizer is ``base_class(params, **base_options)``.
        attach_to: the model whose passes see the noise.
        sigma, options: as of :class:`~corrie.optim.GO`.
    """

    def __init__(
        self,
        params: Any,
        *,
        base_class: type[Optimizer],
        base_options: dict[str, Any],
        attach_to: nn.Module,
        sigma: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(base_class(params, **base_options), sigma, **options)
        self.attach(attach_to)


def for_trainer(
    args: TrainingArguments, model: Trainable, sigma: float | None = None, **options: Any
) -> tuple[type[TrainerGO], dict[str, Any]]:
    """The one argument that puts GO into a Trainer, around the optimizer that ``args`` ask for.

    ``Trainer(model, args, …, optimizer_cls_and_kwargs=for_trainer(args, model, sigma=0.001))``: the optimizer, its
    learning rate, the groups with and without weight decay, the schedule, accumulation, clipping, saving and resuming
    remain the Trainer's.

    Args:
        args: the Trainer's.
        model: the Trainer's.
        sigma, options: as of :class:`~corrie.optim.GO`; the noise's ``seed`` is the Trainer's unless given.

    Raises:
        InputError: what GO would refuse; ``args.optim`` is made from the model instead of parameter groups (GaLore,
            LOMO, layer-wise ones).

    >>> args = TrainingArguments(output_dir="unused", report_to=[], use_cpu=True)
    >>> made, options = for_trainer(args, nn.Linear(2, 2), sigma=0.001)
    >>> made.__name__, options["base_class"].__name__, options["sigma"]
    ('TrainerGO', 'AdamW', 0.001)
    """
    if not isinstance(args, TrainingArguments):
        raise InputError(
            f"for_trainer({type(args).__name__}, …)",
            found="those are no TrainingArguments",
            advice="for_trainer(args, model)",
        )
    model = module_of(model, "for_trainer(args, model)")
    options = {"seed": args.seed, **options}
    any_base = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    GO(any_base, sigma, **{k: v for k, v in options.items() if k != "tensors"})  # refuses now, not when training begins
    base_class, base_options = Trainer.get_optimizer_cls_and_kwargs(args, model)  # type: ignore[arg-type]
    made_by_model = {"params", "model", "optimizer_dict"} & set(base_options)
    if made_by_model or not (isinstance(base_class, type) and issubclass(base_class, Optimizer)):
        raise InputError(
            f"GO around optim={args.optim!s}",
            found="that optimizer is made from the model, not from parameter groups",
            advice="optimizers=(GO(base, sigma=…).attach(model), None) with a base you make yourself",
        )
    return TrainerGO, {
        "base_class": base_class,
        "base_options": dict(base_options),
        "attach_to": model,
        "sigma": sigma,
        **options,
    }
