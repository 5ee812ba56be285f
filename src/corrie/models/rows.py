"""A reader for each row of a batch whose rows stand at places of their own.

A task scores one point and knows nothing of rows. So it is asked once for each row, and whatever it reads is computed
for all rows together, by whoever asks first; the others find it there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from corrie.models.reader import ModelReader
from corrie.models.reading import Question, Reading, Writing
from corrie.records.subspace import SubspaceNoise
from corrie.weights.space import Space, draw

if TYPE_CHECKING:
    from corrie.models.model import Model

_QUESTIONS = (Question("one two three four", (" five", " six six")), Question("one two three", (" two",)))


class RowReader:
    """One row's (:class:`corrie.models.reading.Reader`)."""

    def __init__(self, reader: ModelReader, known: dict[Any, Any], row: int) -> None:
        self._reader = reader
        self._known = known
        self._row = row

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """See :class:`corrie.models.reading.Reader`."""
        key = ("read", tuple(questions), shared)
        if key not in self._known:
            self._known[key] = self._reader.read_rows(questions, shared)
        return self._known[key][self._row]

    def write(self, prompts: Sequence[str], max_tokens: int, templated: bool = False) -> list[Writing]:
        """See :class:`corrie.models.reading.Reader`."""
        key = ("write", tuple(prompts), max_tokens, templated)
        if key not in self._known:
            self._known[key] = self._reader.write_rows(prompts, max_tokens, templated)
        return self._known[key][self._row]

    def chat(self, request: str) -> str:
        """See :class:`corrie.models.reading.Reader`."""
        return self._reader.chat(request)

    @property
    def has_chat_template(self) -> bool:
        return self._reader.has_chat_template


def row_readers(reader: ModelReader, rows: int) -> tuple[RowReader, ...]:
    """One for each row of a reader that serves several."""
    known: dict[Any, Any] = {}
    return tuple(RowReader(reader, known, row) for row in range(rows))


def rows_agree(model: Model, space: Space, sigma: float) -> bool:
    """Does each row of a batch score what its place scores alone?

    Asked of the model itself, on a dozen tokens and two places at noise σ: a layer that sees its tokens out of the
    rows' order (a router's experts), or a block that needs more of the batch than its first row, would show here.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.weights.row_space import random_rows
    >>> model = toy_model()
    >>> rows_agree(model, random_rows(model.module, "all", rank=1), 0.3)
    True
    """
    places = [draw(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=s), sigma) for s in range(2)]
    model.reader()  # chooses the engine while nothing hangs on the model
    tolerance = 1e-3 if next(model.module.parameters()).dtype.itemsize >= 4 else 0.3

    def scores(together: int) -> list[float]:
        found: list[float] = []
        with space.lent(together) as lent:
            for start in range(0, len(places), together):
                lent.put(places[start : start + together])
                for reader in model.row_readers(together):
                    found += [r.log_likelihood for q in reader.read(_QUESTIONS) for r in q]
        return found

    try:
        pairs = zip(scores(2), scores(1), strict=True)
    except (TypeError, ValueError, RuntimeError, IndexError):
        return False
    return all(
        math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(a) and math.isnan(b)) for a, b in pairs
    )
