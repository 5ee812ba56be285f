"""Training B alone: every A of a model's adapters frozen, so that an unmodified trainer stays in one subspace.

ΔW = s·B A is linear in B, so with A fixed the adapters that training can reach are a linear subspace, and certificates
of that subspace (``adapter:FOLDER``) cover whatever comes out. With A trained as well there is no such subspace, and
:func:`corrie.subspaces.stand.stand` refuses the result.
"""

from __future__ import annotations

from corrie.errors import InputError
from corrie.optim.module import Trainable, module_of


def freeze_down(model: Trainable) -> int:
    """Freeze every ``lora_A`` of a PEFT model, in place; B stays as trainable as it was.

    Call it after ``get_peft_model`` (or ``PeftModel.from_pretrained(…, is_trainable=True)``) and before the optimizer
    or the Trainer is made, which then never see A.

    Returns:
        How many matrices were frozen.

    Raises:
        InputError: the model has no adapter with a ``lora_A``.

    >>> from torch import nn
    >>> layer = nn.Module()
    >>> layer.lora_A = nn.ModuleDict({"default": nn.Linear(4, 1, bias=False)})
    >>> layer.lora_B = nn.ModuleDict({"default": nn.Linear(1, 4, bias=False)})
    >>> freeze_down(layer), [n for n, p in layer.named_parameters() if p.requires_grad]
    (1, ['lora_B.default.weight'])
    """
    model = module_of(model, "freeze_down(model)")
    frozen = 0
    for name, parameter in model.named_parameters():
        if {"lora_A", "lora_embedding_A"} & set(name.split(".")):
            parameter.requires_grad_(False)
            parameter.grad = None
            frozen += 1
    if not frozen:
        raise InputError(
            f"freeze_down({type(model).__name__})",
            found="no adapter with a lora_A in it",
            advice="peft.get_peft_model(model, LoraConfig(…)) first",
        )
    return frozen
