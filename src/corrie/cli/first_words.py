"""What a scan says before any benchmark is decided: how far its first answer reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corrie.cli.console import say
from corrie.cli.progress import ScanProgress

if TYPE_CHECKING:
    from corrie.records.cell import Cell
    from corrie.records.store import Store
    from corrie.records.task import TaskIdentity


class FirstWords(ScanProgress):
    """A scan's progress: how much there is to score, and after each of its rounds what the first answer says, until
    that is settled."""

    _store: Store
    _first: TaskIdentity | None = None
    _new = False

    def opens(self, trial: Any, store: Store) -> None:
        """The scan is known, and its run."""
        self._store = store
        self.weighs(trial.tokens)
        self._first = next((t.identity for t in trial.tasks.values() if t.identity.scoring == "agreement"), None)
        say(f"To score: {trial.spec.size}.")
        if store.identity.batch is not None:
            say(f"Answers are written {store.identity.rule.words}.")
        if store.identity.engine:
            say(f"Answers are written by {store.identity.engine}.")

    def begins(self, done: int, expected: int) -> None:
        """A round begins: what the one before it has shown."""
        if self._new and self._first is not None:
            from corrie.analysis.landscape import Landscape

            self._new = False
            basin = Landscape.from_store(self._store).basin(self._first.name)
            say(f"First answer, {basin.capability}: {basin.finding}.")
        super().begins(done, expected)

    def acknowledges(self, cell: Cell) -> None:
        """A cell is safe."""
        if self._first is not None and cell.task == self._first.id:
            self._new |= self._moved
        super().acknowledges(cell)
