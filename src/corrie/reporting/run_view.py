"""One run, read for showing: everything a face needs, and no store any more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.analysis.basin import Basin
from corrie.analysis.landscape import Landscape
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import RunIdentity, Store
from corrie.reporting.answers import answers


@dataclass(frozen=True, eq=False)
class RunHead:
    """Which run a part of a report is about.

    name    what to call it: the folder's name, or the model's
    whole   the model's name as it was loaded by
    """

    name: str
    whole: str

    @property
    def model(self) -> str:
        """The model's name without the folders before it."""
        return self.whole.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or self.whole

    @property
    def title(self) -> str:
        """What tells this run from others in a report."""
        return self.model if self.name == self.whole else f"{self.model}, {self.name}"


@dataclass(frozen=True, eq=False)
class RunView(RunHead):
    """A run's lines as a report shows them.

    identity   model, precision, block size, noise law
    landscape  what was found
    basins     of every task, in order
    answers    a few examples' own answers (:func:`corrie.reporting.answers.answers`)
    """

    identity: RunIdentity
    landscape: Landscape
    basins: tuple[Basin, ...]
    answers: list[dict[str, Any]]

    @classmethod
    def of(
        cls,
        run: Store | Path | str,
        *,
        show_sensitive: bool = False,
        retention: float | None = None,
        confidence: float = 0.95,
    ) -> RunView:
        """Read a run folder, or an open store.

        Raises:
            RunError: there is no run, it cannot be read, or nothing was asked of it yet.
        """
        if isinstance(run, str | Path):
            with SqliteStore.open(run) as store:
                return cls._read(store, Path(run).resolve().name, show_sensitive, retention, confidence)
        return cls._read(run, run.identity.model.name, show_sensitive, retention, confidence)

    @classmethod
    def _read(
        cls, store: Store, name: str, show_sensitive: bool, retention: float | None, confidence: float
    ) -> RunView:
        landscape = Landscape.from_store(store)
        return cls(
            name,
            store.identity.model.name,
            store.identity,
            landscape,
            landscape.basins(retention, confidence),
            answers(store, landscape, show_sensitive=show_sensitive),
        )
