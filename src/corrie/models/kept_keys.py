"""Keys and values of a batch: spread from a shared beginning, joined, grown in place, cut to the rows that stay, and
laid into the places of rows that have ended.

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


def stay(kept: Any, rows: Sequence[int]) -> None:
    """Only these rows of a batch go on, in place."""
    for layer in _filled(kept):
        if isinstance(layer.update, _Grown):
            layer.update.stay(rows)
        else:
            layer.keys, layer.values = layer.keys[list(rows)], layer.values[list(rows)]


def fit(kept: Any, columns: int) -> None:
    """Let a batch have so many columns: those at its left that no row needs go, or empty ones come there."""
    for layer in _filled(kept):
        if isinstance(layer.update, _Grown):
            layer.update.fit(columns)
            continue
        there = columns
        if hasattr(layer, "cumulative_length"):
            layer.cumulative_length, there = columns, min(columns, layer.sliding_window - 1)
        layer.keys, layer.values = _at_the_right(layer.keys, there), _at_the_right(layer.values, there)


def put(kept: Any, rows: Sequence[int], other: Any) -> None:
    """Rows of a batch become those of another, at the right end; what they were is forgotten.

    Args:
        kept: of the batch, which has as many columns as the other or more (:func:`fit`).
        rows: where each of the other's stands in it.
        other: what a pass over these has left; None: they have no columns yet.
    """
    for number, layer in enumerate(kept.layers):
        if not getattr(layer, "is_initialized", True):
            continue
        new = None if other is None else other.layers[number]
        if isinstance(layer.update, _Grown):
            layer.update.put(rows, new)
        else:
            _put(layer.keys, rows, None if new is None else new.keys)
            _put(layer.values, rows, None if new is None else new.values)


def _put(there: Tensor, rows: Sequence[int], new: Tensor | None) -> None:
    """Lay these at the right end of those rows, and nothing before them."""
    columns = 0 if new is None else new.shape[-2]
    there[list(rows)] = 0
    if new is not None and columns:
        there[list(rows), :, there.shape[-2] - columns :] = new


def _at_the_right(there: Tensor, columns: int) -> Tensor:
    """Cut at the left to so many columns, or filled up with empty ones."""
    more = columns - there.shape[-2]
    return there[..., -more:, :] if more <= 0 else _widened(there, more)


def _widened(there: Tensor, more: int) -> Tensor:
    """The same with so many empty columns before it."""
    made = there.new_empty((*there.shape[:-2], there.shape[-2] + more, there.shape[-1]))
    made[..., :more, :] = 0
    made[..., more:, :] = there
    return made


def grow_in_place(kept: Any, room: int) -> None:
    """Let layers that keep every column write the next ones, ``room`` of them, behind those they have: joining two
    tensors at every token would copy all of the first."""
    from transformers.cache_utils import DynamicLayer

    for layer in _filled(kept):
        if type(layer) is DynamicLayer:
            layer.update = _Grown(layer, room)  # type: ignore[method-assign]


class _Grown:
    """``update`` of one layer: keys and values are the filled part of larger tensors.

    Columns at the left that no row needs are left out of what is shown, and their place is used again when the tensors
    are full. A row that comes in forgets its place's earlier keys there too.
    """

    def __init__(self, layer: Any, room: int) -> None:
        self._layer = layer
        self._begin, self._filled = 0, layer.keys.shape[-2]
        self._least = room // 4 + 1
        self._keys, self._values = _with_room(layer.keys, room), _with_room(layer.values, room)
        self._show()

    def __call__(self, keys: Tensor, values: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        more = keys.shape[-2]
        if self._filled + more > self._keys.shape[-2]:
            self._make_room(more)
        begin, self._filled = self._filled, self._filled + more
        self._keys[..., begin : self._filled, :] = keys
        self._values[..., begin : self._filled, :] = values
        return self._show()

    def _make_room(self, more: int) -> None:
        """Behind what is filled: where columns at the left are empty, at least as many as these, else twice as many."""
        room = max(self._begin, self._least, more) if self._begin else self._filled + 2 * more
        there = slice(self._begin, None)
        self._keys, self._values = (_with_room(t[..., there, :], room) for t in (self._keys, self._values))
        self._begin, self._filled = 0, self._filled - self._begin

    def stay(self, rows: Sequence[int]) -> None:
        """Only these rows go on."""
        there = slice(self._begin, None)
        self._keys, self._values = (t[list(rows), :, there] for t in (self._keys, self._values))
        self._begin, self._filled = 0, self._filled - self._begin
        self._show()

    def fit(self, columns: int) -> None:
        """Show so many columns."""
        self._begin = self._filled - columns
        if self._begin < 0:
            self._keys, self._values = (_widened(t, -self._begin) for t in (self._keys, self._values))
            self._begin, self._filled = 0, columns
        self._show()

    def put(self, rows: Sequence[int], new: Any) -> None:
        """Rows become others, at the right end of what is filled."""
        _put(self._keys[..., : self._filled, :], rows, None if new is None else new.keys)
        _put(self._values[..., : self._filled, :], rows, None if new is None else new.values)

    def _show(self) -> tuple[Tensor, Tensor]:
        self._layer.keys = self._keys[..., self._begin : self._filled, :]
        self._layer.values = self._values[..., self._begin : self._filled, :]
        return self._layer.keys, self._layer.values


def _with_room(there: Tensor, room: int) -> Tensor:
    """The same with empty columns behind."""
    made = there.new_empty((*there.shape[:-2], there.shape[-2] + room, there.shape[-1]))
    made[..., : there.shape[-2], :] = there
    return made
