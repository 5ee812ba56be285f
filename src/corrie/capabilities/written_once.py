"""An answer that several tasks judge is written once."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from corrie.models.reading import Queueing, Reader, Writing
from corrie.models.stops import Stops

_Asked = tuple[tuple[str, ...], int, bool, Stops | None, int | None]

_written: WeakKeyDictionary[Reader, dict[_Asked, list[Writing]]] = WeakKeyDictionary()


def write_once(
    reader: Reader, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
) -> list[Writing]:
    """What the reader writes after these prompts (:meth:`corrie.models.reading.Reader.write`).

    A reader serves one point, and what it writes is a function of the weights and the batch; so the same batch is
    written once, and kept as long as the reader is.

    >>> from corrie.testing.toy_models import toy_model
    >>> reader = toy_model().reader()
    >>> write_once(reader, ["one two"], 3) is write_once(reader, ["one two"], 3)
    True
    """
    known = _written.setdefault(reader, {})
    slots = reader.slots if isinstance(reader, Queueing) else None
    asked = (tuple(prompts), max_tokens, templated, stops, slots)
    if asked not in known:
        known[asked] = reader.write(prompts, max_tokens, templated=templated, stops=stops)
    return known[asked]
