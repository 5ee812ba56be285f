"""The suite must catch stores that break the law: each of these breaks one sentence of it."""

from collections.abc import Iterable, Iterator

import pytest

from corrie.records.cell import Cell, CellKey
from corrie.records.memory_store import MemoryStore
from corrie.records.store import RunIdentity
from corrie.testing.check_store import check_store


class Forgetful(MemoryStore):
    def put(self, cell: Cell) -> None:
        pass


class Overwriting(MemoryStore):
    def put(self, cell: Cell) -> None:
        if cell.key in self._cells:
            self._cells[cell.key] = cell
        else:
            super().put(cell)


class Careless(MemoryStore):
    """Takes cells of tasks nobody registered."""

    def put(self, cell: Cell) -> None:
        self._tasks.setdefault(cell.task, None)  # type: ignore[arg-type]
        self._cells.setdefault(cell.key, cell)


class Trusting(MemoryStore):
    def register_task(self, task, cards) -> None:
        self._tasks[task.id] = task
        self._cards[task.id] = list(cards)


class Sentinel(MemoryStore):
    def get(self, key: CellKey) -> Cell:
        return self._cells.get(key)  # type: ignore[return-value]


class Unordered(MemoryStore):
    def cells(self, keys: Iterable[CellKey] | None = None) -> Iterator[Cell]:
        yield from sorted(self._cells.values(), key=lambda c: c.key)


class LastRealised(MemoryStore):
    def record_point(self, point, realised) -> None:
        self._points[point.id] = (point, realised)


class Pliable(MemoryStore):
    """Takes any claim at any time."""

    def record_claim(self, claim, provenance) -> None:
        self._claims.setdefault(claim, dict(provenance))


class SecondThoughts(MemoryStore):
    """Lets the design be chosen after the draws."""

    def record_claim(self, claim, provenance) -> None:
        before = {c: self._claims.pop(c) for c in list(self._claims) if c.question == claim.question}
        super().record_claim(claim, before.get(claim, provenance))


class Shared(MemoryStore):
    def __init__(self, identity: RunIdentity) -> None:
        super().__init__(identity.model_copy(update={"block": 99}))


@pytest.mark.parametrize(
    ("store", "sentence"),
    [
        (Forgetful, "not registered is refused"),
        (Overwriting, "other outcomes"),
        (Careless, "not registered is refused"),
        (Trusting, "fewer take none away"),
        (Sentinel, "KeyError"),
        (Unordered, "order of asking|changes nothing"),
        (LastRealised, "first realised"),
        (Pliable, "looked at before is refused"),
        (SecondThoughts, "oldest first|another design"),
        (Shared, "made for"),
    ],
)
def test_a_store_that_breaks_the_law_is_caught(store: type[MemoryStore], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_store(store)


def test_a_store_that_loses_everything_between_openings_is_caught() -> None:
    with pytest.raises(AssertionError, match="opened again"):
        check_store(MemoryStore, MemoryStore)
