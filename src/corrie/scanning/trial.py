"""A trial: a question that fits a model and its tasks, ready to be answered. The one loop that runs a question.

    open the run (in memory or in a folder)  →  register  →  fill in what is missing  →  read  →  keep

Opening and keeping are the same for every question and stand here; what is filled in, and what is read from it, is the
question's own (:meth:`Trial.conclude`). A trial that ran before only reads (``design/one-loop.md``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, TypeVar

from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.memory_store import MemoryStore
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import RunIdentity, Store
from corrie.scanning.executors import arithmetic_of, check_engine, memory_of
from corrie.scanning.scored import Scored
from corrie.scanning.watch import Opening, Saying

_Found = TypeVar("_Found")


class Trial(ABC, Generic[_Found]):
    """What all questions about a model have in common."""

    @property
    @abstractmethod
    def subject(self) -> Model:
        """The model that the question is about."""

    @property
    @abstractmethod
    def scored(self) -> Scored:
        """What an engine has to be able to do for it."""

    @property
    @abstractmethod
    def identity(self) -> RunIdentity:
        """What must be equal for another trial to share this one's run, scored by corrie's own arithmetic."""

    @abstractmethod
    def run(self, store: Store, *args: Any, **kwargs: Any) -> Any:
        """Fill in what the store lacks."""

    def folder_in(self, run: str | Path) -> Path:
        """Where the outcomes belong: the run folder itself, or a shard's own folder in it."""
        return Path(run)

    def check(self, **how: Any) -> None:
        """Refuse terms of :meth:`run` that are not valid, before anything is written."""

    def check_engine(self, engine: str) -> None:
        """Refuse an engine that cannot do this, before anything is written.

        Raises:
            UnknownName: there is none of that name.
            InputError: it cannot do this.
        """
        check_engine(engine, self.subject, self.scored)

    def conclude(self, store: Store, **how: Any) -> _Found:
        """Fill in what the store lacks, and read what it says; by default :meth:`run` does both."""
        return self.run(store, **how)

    def keep(self, found: _Found, run: Path) -> None:
        """Put what was found beside the outcomes, where it is not read from them again."""

    def answer(self, to: str | Path | None = None, *, engine: str = "serial", **how: Any) -> _Found:
        """Open the run, fill it, read it, and keep what was found.

        Args:
            to: a run folder; the same question continues it. None keeps the run in memory.
            engine: who scores (:mod:`corrie.scanning.executors`).
            how: as the trial's ``run`` takes it.

        Raises:
            UnknownName, InputError: no such engine, or one that cannot do this, or a run folder for a model that is
                sharded over processes; nothing is written then.
            RunError: the run folder belongs to another model, or to an engine of another arithmetic.
            StorageError: the disk refuses.
        """
        self.check_engine(engine)
        self.check(**how)
        if to is not None and self.subject.in_processes:
            raise InputError(
                f"the run folder {to} for a model that is sharded over processes",
                found="each of them would write it",
                advice="to=None, in memory, in every process",
            )
        if isinstance(watch := how.get("watch"), Saying) and (line := memory_of(engine, self.subject, self.scored)):
            watch.says(line)
        identity = self.identity.scored_by(arithmetic_of(engine, self.subject))
        if to is None:
            return self._filled(MemoryStore(identity), engine=engine, **how)
        place = self.folder_in(to)
        with SqliteStore.create_or_open(place, identity) as store:
            found = self._filled(store, engine=engine, **how)
        self.keep(found, place)
        return found

    def _filled(self, store: Store, **how: Any) -> _Found:
        if isinstance(watch := how.get("watch"), Opening):
            watch.opens(self, store)
        return self.conclude(store, **how)
