"""Whether a path ends at the fine-tune, asked of the models themselves: the first layers' logits, read in both ways.

The library loads the first layers of the fine-tune as it would load all of it, by its configuration. Beside it stands
what is moved to: the base's class under the base's configuration, filled with the tensors that the direction reads. On
a few tokens both must give the same logits. So a name that is read for another, a conversion that is undone in another
order, or a setting that is wrongly held to be inert is seen before anything is judged.

The first layers are as many as show every kind of layer there is (``MOST`` and ``_LARGEST`` at most): beside the
model, two times the embedding and those layers are in memory, never a second model. Families whose first layers cannot
be built or run alone are passed over; their settings and tensors are compared all the same.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.models.quiet import quiet
from corrie.weights.agreement import saved_buffers
from corrie.weights.selection import named_parameters, tied_names
from corrie.weights.stored import StoredTensors
from corrie.weights.tensor_files import TensorFiles

MOST = 8
"""Layers that are looked at, at most."""

_LARGEST = 1_000_000_000
"""Numbers of embedding, head and first layers together that are looked at; larger ones are passed over."""

_TOKENS = 12
_TOLERANCE = 1e-3
"""The largest difference of two logits, as a share of the largest logit, in float32."""


def check_first_layers(module: nn.Module, tensors: StoredTensors, there: Any, name: str) -> None:
    """Refuse a fine-tune whose first layers give other logits than what the direction reads of it.

    Args:
        module: the base.
        tensors: the fine-tune's tensors under the base's names.
        there: the fine-tune's configuration.
        name: what it is called.

    Raises:
        ModelError: the logits differ.
    """
    pair = _pair(module, tensors, there)
    if pair is None:
        return
    ours, theirs = pair
    far, size = (ours - theirs).abs().max(), theirs.abs().max()
    if bool(torch.isfinite(far)) and float(far) > _TOLERANCE * float(size):
        raise ModelError(
            f"direction toward {name}",
            found=f"the first layers of what is read of it give other logits than its own (up to {float(far):.3g}, the "
            f"largest is {float(size):.3g}): its configuration or its tensors are read as another function",
            advice="a fine-tune with the configuration of its base; if it has that, please report it",
        )


def _pair(module: Any, tensors: StoredTensors, there: Any) -> tuple[Tensor, Tensor] | None:
    """Logits of both; None for a family whose first layers cannot be built alone, or where a head is tied otherwise."""
    from transformers import PreTrainedModel

    if not isinstance(module, PreTrainedModel):
        return None
    kind: Any = type(module)
    try:
        few = _layers_to_see(module)
        if not few:
            return None
        with torch.random.fork_rng(devices=[]), quiet():
            stored: Any = {n: _Later(tensors.files, n) for n in tensors.files.files}
            theirs = kind.from_pretrained(None, config=_shortened(there, few), state_dict=stored, dtype=torch.float32)
            ours = kind._from_config(_shortened(module.config, few), dtype=torch.float32)
    except Exception:  # whatever the library raises where a family's depth is not one number of its configuration
        return None
    named = {**named_parameters(ours), **saved_buffers(ours)}
    if tied_names(ours) != tied_names(module) or not set(named) <= set(tensors.recipes):
        return None
    with torch.no_grad():
        for name, tensor in named.items():
            tensor.copy_(tensors.read(name))
    try:
        return _logits(ours), _logits(theirs)
    except Exception:  # what the library cannot run at another depth
        return None


@dataclass(frozen=True)
class _Later:
    """A tensor on disk that is read when the library takes it; those of other layers it leaves."""

    files: TensorFiles
    name: str

    def __getitem__(self, part: Any) -> Tensor:
        return self.files.read(self.name)[part]


def _layers_to_see(module: Any) -> int:
    """How many layers show every kind (the tensors they hold, and what the configuration calls them); fewer where they
    are too large, 0 where one is."""
    config = module.config.get_text_config()
    depth = config.num_hidden_layers
    stack = next(m for m in module.modules() if isinstance(m, nn.ModuleList) and len(m) == depth)
    names = getattr(config, "layer_types", None) or [""] * depth
    kinds = [
        (names[i], tuple((n, tuple(p.shape)) for n, p in layer.named_parameters())) for i, layer in enumerate(stack)
    ]
    few = min(MOST, 1 + max(kinds.index(kind) for kind in kinds))
    beside = sum(p.numel() for p in module.parameters()) - sum(p.numel() for p in stack.parameters())
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in stack]
    while few and beside + sum(sizes[:few]) > _LARGEST:
        few -= 1
    return few


def _shortened(config: Any, few: int) -> Any:
    """A configuration of fewer layers; lists with an entry for each layer are cut with them."""
    short = deepcopy(config)
    text = short.get_text_config()
    depth = text.num_hidden_layers
    for name, value in vars(text).items():
        if isinstance(value, list) and len(value) == depth and not _of_fixed_length(type(text), name):
            setattr(text, name, value[:few])
    text.num_hidden_layers = few
    return short


@lru_cache
def _of_fixed_length(kind: Any, name: str) -> bool:
    """Whether a list is as long at another depth too, that of the class's own default (limits of a step, …)."""
    try:
        default = kind()
    except Exception:  # a class without defaults says nothing
        return False
    value = getattr(default, name, None)
    return isinstance(value, list | tuple) and len(value) != default.num_hidden_layers


@torch.no_grad()
def _logits(module: nn.Module) -> Tensor:
    words: Any = module.get_input_embeddings()  # type: ignore[operator]
    ids = torch.arange(1, _TOKENS + 1) * 7919 % words.num_embeddings
    return module.eval()(input_ids=ids[None], use_cache=False).logits[0].float()
