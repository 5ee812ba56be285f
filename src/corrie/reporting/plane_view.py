"""The planes of one run, read for showing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corrie.analysis.plane import Plane
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import RunIdentity, Store
from corrie.reporting.run_view import RunHead


@dataclass(frozen=True, eq=False)
class PlaneView(RunHead):
    """A run's planes as a report shows them.

    identity   model, precision, block size, noise law
    planes     in the order in which they were asked for
    alone      whether the run has no lines
    """

    identity: RunIdentity
    planes: tuple[Plane, ...]
    alone: bool

    @classmethod
    def of(cls, run: Store | Path | str) -> PlaneView | None:
        """Read a run folder, or an open store; None where no plane was asked.

        Raises:
            RunError: there is no run, or it cannot be read.
        """
        if isinstance(run, str | Path):
            with SqliteStore.open(run) as store:
                return cls._read(store, Path(run).resolve().name)
        return cls._read(run, run.identity.model.name)

    @classmethod
    def _read(cls, store: Store, name: str) -> PlaneView | None:
        kinds = [spec.is_plane for spec, _ in store.specs()]
        if not any(kinds):
            return None
        return cls(name, store.identity.model.name, store.identity, Plane.all_of(store), alone=all(kinds))
