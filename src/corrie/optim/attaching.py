"""GO in a training loop that someone else wrote: hooks on the model do what ``with go.perturbed()`` does.

Before a forward pass of the attached model in training mode the weights go to θ + σε; when the backward pass through
its output is over they are θ again. Between the two they stay, so that activation checkpointing recomputes at
θ + σε. Should that backward pass never come, the weights are restored by whatever is first: ``step`` (also of the
base optimizer), ``zero_grad``, a forward pass in evaluation mode, ``model.state_dict()`` or
``model.load_state_dict()``. What asks only a part of the model, or copies it whole (``copy.deepcopy``, ``pickle``),
finds θ + σε until then.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from corrie.errors import InputError
from corrie.weights.shard import is_fsdp

if TYPE_CHECKING:
    from corrie.optim.go import GO


class Attachment:
    """The hooks of one GO on one model.

    A copy or a pickle of the model carries none of it: the copied hooks do nothing.

    >>> import copy
    >>> from corrie.optim import GO
    >>> model = nn.Linear(3, 1)
    >>> go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.1).attach(model)
    >>> loss = model(torch.ones(2, 3)).sum()
    >>> go.is_perturbed
    True
    >>> loss.backward()
    >>> go.is_perturbed
    False
    >>> _ = copy.deepcopy(model)(torch.ones(2, 3))
    >>> go.is_perturbed
    False
    """

    def __init__(self, go: GO | None = None, model: nn.Module | None = None) -> None:
        self._go = go
        self._model = model
        self._handles: list[RemovableHandle] = []
        self._warned = False
        self._hook()

    def _hook(self) -> None:
        if self._model is not None:
            self._handles = [
                self._model.register_forward_pre_hook(self.before_forward, prepend=True),  # type: ignore[attr-defined]
                self._model.register_forward_hook(self.after_forward),  # type: ignore[attr-defined]
                self._model.register_state_dict_pre_hook(self.before_state_dict),
                self._model.register_load_state_dict_pre_hook(self.before_load_state_dict),
            ]

    def __reduce__(self) -> tuple[type[Attachment], tuple[()]]:
        return Attachment, ()

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def come_first(self) -> None:
        """Stand before FSDP2's own hook, which gathers the weights, also when it was put on later than ours."""
        if self._model is not None and not self._is_first(self._model):
            self.remove()
            self._hook()

    def _is_first(self, model: nn.Module) -> bool:
        return not is_fsdp(model) or next(iter(model._forward_pre_hooks)) == self._handles[0].id

    @torch.compiler.disable
    def before_forward(self, module: nn.Module, args: Any) -> None:
        go = self._go
        if go is None or inside_backward():  # a recomputation: it must see what the forward pass saw
            return
        if not module.training:
            if not go.is_held:
                go.restore()
                go.forget_gathered()
        elif torch.is_grad_enabled() and not go.is_perturbed:
            if not self._is_first(module):
                raise InputError(
                    "GO.attach(model)",
                    found="the model was given to fully_shard afterwards, which gathers the weights before they move",
                    advice="go.attach(model) after fully_shard, or go.zero_grad() before the first forward pass",
                )
            go.perturb()

    @torch.compiler.disable
    def after_forward(self, module: nn.Module, args: Any, output: Any) -> None:
        go = self._go
        if go is None or go.is_held or not go.is_perturbed or not torch.is_grad_enabled() or inside_backward():
            return
        heads = [tensor for tensor in _tensors(output) if tensor.grad_fn is not None]
        if not heads:
            self._warn_of_no_head(output)
        else:
            torch.autograd.graph.register_multi_grad_hook(heads, self._backward_began, mode="any")

    def before_state_dict(self, module: nn.Module, prefix: str, keep_vars: bool) -> None:
        if self._go is not None:
            self._go.restore_unless_held()

    def before_load_state_dict(self, module: nn.Module, *_: Any) -> None:
        if self._go is not None:
            self._go.restore_unless_held()

    def _warn_of_no_head(self, output: Any) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"GO.attach: in what the model returns, a {type(output).__name__}, no tensor has a gradient, so the "
                "end of the backward pass cannot be seen: the weights stay at θ + ε until the optimizer's step, and "
                "micro-batches before it share one ε. Use `with go.perturbed():` instead.",
                stacklevel=2,
            )

    def _backward_began(self, gradient: Tensor) -> None:
        go = self._go
        if go is not None:
            # Runs when the outermost backward pass is over, as FSDP2 and DDP finish theirs.
            torch.autograd.Variable._execution_engine.queue_callback(go.restore_unless_held)  # type: ignore[attr-defined]


def inside_backward() -> bool:
    """Whether a backward pass is going on in this thread."""
    return torch._C._current_graph_task_id() != -1  # as torch.utils.checkpoint asks it


def _tensors(output: Any, around: tuple[int, ...] = ()) -> Iterator[Tensor]:
    """Every tensor in a model's output: a tensor, a sequence, mapping (as ModelOutput) or dataclass, or nested ones."""
    inner: Iterable[Any] = ()
    if isinstance(output, Tensor):
        yield output
    elif id(output) in around:
        return
    elif isinstance(output, Mapping):
        inner = output.values()
    elif isinstance(output, tuple | list):
        inner = output
    elif dataclasses.is_dataclass(output):
        inner = [getattr(output, field.name, None) for field in dataclasses.fields(output)]
    for value in inner:
        yield from _tensors(value, (*around, id(output)))
