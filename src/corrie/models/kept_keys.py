"""Keys and values of a batch: spread from a shared beginning, joined, grown in place, cut to the rows that stay.

What is done here is only right where all that a model keeps is keys and values by column, one for each token that was
read (:func:`keeps_keys_alone`); a recurrent state has no columns.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from torch import Tensor


def keeps_keys_alone(kept: Any, columns: int | None = None) -> bool:
    """Whether all that a forward pass has left is keys and values.

    Args:
        columns: how many columns every layer must have; None: a layer that slides may have let some go.

    >>> keeps_keys_alone(None)
    False
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    if type(kept) is not DynamicCache:
        return False
    filled = _filled(kept)
    return bool(filled) and all(
        type(layer) in (DynamicLayer, DynamicSlidingWindowLayer)
        and (columns is None or layer.keys.shape[-2] == layer.values.shape[-2] == columns)
        for layer in filled
    )


def _filled(kept: Any) -> list[Any]:
    """The layers that keep something: some take another layer's."""
    return [layer for layer in kept.layers if getattr(layer, "is_initialized", True)]


def spread(kept: Any, padding: Sequence[int]) -> Any:
    """A copy in which one shared beginning is that of every row of a batch that is padded on the left.

    Column c of row i is column c − padding[i] of the beginning, and zeros before it. What a padded row lacks of the
    beginning at its end is read with the rest of the row.

    Args:
        kept: of a pass over the beginning alone, one row for each group of rows.
        padding: columns before each row of a group.
    """
    made = copy.copy(kept)
    made.layers = [copy.copy(layer) for layer in kept.layers]
    for layer in _filled(made):
        layer.keys, layer.values = _shifted(layer.keys, padding), _shifted(layer.values, padding)
    return made


def _shifted(beginning: Tensor, padding: Sequence[int]) -> Tensor:
    groups, heads, columns, size = beginning.shape
    found = beginning.new_zeros((groups, len(padding), heads, columns, size))
    for row, empty in enumerate(padding):
        if empty < columns:
            found[:, row, :, empty:] = beginning[:, :, : columns - empty]
    return found.view(groups * len(padding), heads, columns, size)


def joined(parts: Sequence[Any], rows: Sequence[Sequence[int]], columns: int) -> Any:
    """Parts of a batch, each padded for itself, as one batch that is padded to so many columns; the first is used up.

    Args:
        parts: what a pass over each part has left.
        rows: where the rows of each stand in the batch.
        columns: that the longest row has.
    """
    kept, count = parts[0], sum(map(len, rows))
    for number, layer in enumerate(kept.layers):
        if not getattr(layer, "is_initialized", True):
            continue
        there = [part.layers[number] for part in parts]
        layer.keys = _aligned([one.keys for one in there], rows, count)
        layer.values = _aligned([one.values for one in there], rows, count)
        if hasattr(layer, "cumulative_length"):
            layer.cumulative_length = columns
    return kept


def _aligned(parts: Sequence[Tensor], rows: Sequence[Sequence[int]], count: int) -> Tensor:
    """Put at the right end of as many columns as the widest part has."""
    widest = max(part.shape[-2] for part in parts)
    found = parts[0].new_zeros((count, parts[0].shape[1], widest, parts[0].shape[-1]))
    for part, places in zip(parts, rows, strict=True):
        found[list(places), :, widest - part.shape[-2] :] = part
    return found


def stay(kept: Any, rows: Tensor) -> None:
    """Only these rows of a batch go on, in place."""
    for layer in _filled(kept):
        if isinstance(layer.update, _Grown):
            layer.update.stay(rows)
        else:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]


def grow_in_place(kept: Any, room: int) -> None:
    """Let layers that keep every column write the next ones, ``room`` of them, behind those they have: joining two
    tensors at every token would copy all of the first."""
    from transformers.cache_utils import DynamicLayer

    for layer in _filled(kept):
        if type(layer) is DynamicLayer:
            layer.update = _Grown(layer, room)  # type: ignore[method-assign]


class _Grown:
    """``update`` of one layer: keys and values are the filled part of larger tensors."""

    def __init__(self, layer: Any, room: int) -> None:
        self._layer = layer
        self._filled = layer.keys.shape[-2]
        self._keys, self._values = _with_room(layer.keys, room), _with_room(layer.values, room)
        self._show()

    def __call__(self, keys: Tensor, values: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        begin, self._filled = self._filled, self._filled + keys.shape[-2]
        if self._filled > self._keys.shape[-2]:
            more = 2 * self._filled - self._keys.shape[-2]
            self._keys, self._values = _with_room(self._keys, more), _with_room(self._values, more)
        self._keys[..., begin : self._filled, :] = keys
        self._values[..., begin : self._filled, :] = values
        return self._show()

    def stay(self, rows: Tensor) -> None:
        """Only these rows go on."""
        self._keys, self._values = self._keys[rows], self._values[rows]
        self._show()

    def _show(self) -> tuple[Tensor, Tensor]:
        self._layer.keys = self._keys[..., : self._filled, :]
        self._layer.values = self._values[..., : self._filled, :]
        return self._layer.keys, self._layer.values


def _with_room(there: Tensor, room: int) -> Tensor:
    """The same with empty columns behind."""
    made = there.new_empty((*there.shape[:-2], there.shape[-2] + room, there.shape[-1]))
    made[..., : there.shape[-2], :] = there
    return made
