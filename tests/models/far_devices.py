"""Two devices, ``far:0`` and ``far:1``, on a machine that has none: their tensors lie in the memory of the processor,
say that they lie elsewhere, and refuse to be mixed, as those of two graphics processors do.

What is computed is computed by the processor, so every number can be compared to the last bit; what is tested is where
everything lies and by which way it goes from one device to the other.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

KIND = "far"

_COPIES = ("aten::_to_copy", "aten::copy_")
_INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_unsafe_index")


class Far(Tensor):
    """A tensor on one of them; ``raw`` is what it really is."""

    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor, device: torch.device, requires_grad: bool = False) -> Far:
        made: Any = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=device,
            requires_grad=requires_grad,
        )
        made.raw = raw
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def data_ptr(self) -> int:
        return self.raw.data_ptr()

    def tolist(self) -> Any:
        return self.raw.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class FarDevices(TorchDispatchMode):
    """Within the block the two devices are there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation of torch: refused where tensors of two devices meet (a number alone, and indices that lie in the
    processor's memory, may meet others, as on a graphics processor)."""
    name = _named(func)
    given: list[Tensor] = []
    near, options = _near(args, given), _near(kwargs, given)
    meeting = [t for t in given if isinstance(t, Far) or t.dim() > 0]
    if name in _INDEXING:
        meeting = [t for t in meeting if t is given[0] or isinstance(t, Far)]
    devices = {t.device for t in meeting}
    if len(devices) > 1 and name not in _COPIES:
        raise RuntimeError(f"{name}: expected all tensors to be on the same device, found {sorted(map(str, devices))}")
    asked = kwargs.get("device")
    if asked is not None:
        where = torch.device(asked)
    elif name in _COPIES and given:
        where = given[0].device
    else:
        where = next((t.device for t in given if isinstance(t, Far)), torch.device("cpu"))
    known = {id(t.raw): t for t in given if isinstance(t, Far)}
    if where.type == KIND and asked is not None:
        options["device"] = torch.device("cpu")
    out = func(*near, **options)

    def outer(t: Any) -> Any:
        if not isinstance(t, Tensor):
            return t
        return known[id(t)] if id(t) in known else Far(t, _indexed(where)) if where.type == KIND else t

    return outer(out) if isinstance(out, Tensor) else tree_map(outer, out)


@cache
def _named(func: Any) -> str:
    return func._schema.name


def _near(value: Any, given: list[Tensor]) -> Any:
    """What an operation is given, with what the tensors really are; all of these go to the list."""
    if isinstance(value, Tensor):
        given.append(value)
        return _raw(value)
    if isinstance(value, list | tuple):
        return type(value)(_near(one, given) for one in value)
    if isinstance(value, dict):
        return {name: _near(one, given) for name, one in value.items()}
    return value


def _raw(value: Any) -> Any:
    return value.raw if isinstance(value, Far) else value


def _indexed(device: torch.device) -> torch.device:
    return torch.device(KIND, device.index or 0)


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None, **_: Any) -> Tensor:
    return Far(torch.empty_strided(size, stride, dtype=dtype), _indexed(device))


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    _raw(target).copy_(_raw(source))
    return target


def make_devices() -> None:
    """Make them known to torch, once in a process; there is no way back."""
    backend_registration._setup_privateuseone_for_python_backend(KIND)  # type: ignore[attr-defined]
    _LIBRARY.impl("empty_strided", _empty_strided, "PrivateUse1")
    _LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")


_LIBRARY = torch.library.Library("aten", "IMPL")
"""What torch.tensor(…, device=…) asks for below any mode."""
