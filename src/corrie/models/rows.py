"""A reader for each row of a batch whose rows stand at places of their own.

A task scores one point and knows nothing of rows. So it is asked once for each row, and whatever it reads is computed
for all rows together, by whoever asks first; the others find it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corrie.models.reader import ModelReader
from corrie.models.reading import Question, Reading, Writing
from corrie.models.reference import Divergence
from corrie.models.stops import Stops


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

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """See :class:`corrie.models.reading.Reader`."""
        key = ("write", tuple(prompts), max_tokens, templated, stops, self.slots)
        if key not in self._known:
            self._known[key] = self._reader.write_rows(prompts, max_tokens, templated, stops)
        return self._known[key][self._row]

    def remember(self, questions: Sequence[Question]) -> None:
        """See :class:`corrie.models.reading.Comparer`."""
        self._reader.remember(questions)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        """See :class:`corrie.models.reading.Comparer`."""
        key = ("differ", tuple(questions))
        if key not in self._known:
            self._known[key] = self._reader.differ_rows(questions)
        return self._known[key][self._row]

    def chat(self, request: str) -> str:
        """See :class:`corrie.models.reading.Reader`."""
        return self._reader.chat(request)

    @property
    def slots(self) -> int | None:
        """See :class:`corrie.models.reading.Queueing`."""
        return self._reader.slots

    @slots.setter
    def slots(self, slots: int | None) -> None:
        self._reader.slots = slots

    @property
    def has_chat_template(self) -> bool:
        return self._reader.has_chat_template


def row_readers(reader: ModelReader, rows: int) -> tuple[RowReader, ...]:
    """One for each row of a reader that serves several."""
    known: dict[Any, Any] = {}
    return tuple(RowReader(reader, known, row) for row in range(rows))
