"""What ``corrie show`` says of a run: its landscape, its planes, and all that is claimed in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrie.reporting.sheet import Sheet

if TYPE_CHECKING:
    from corrie.analysis.landscape import Landscape
    from corrie.analysis.plane import Plane
    from corrie.records.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Shown:
    """The same in words and as data; both are plain, so that they can be kept, and drawn for any terminal.

    parts   of a landscape: sheets and lines, one below the other
    says    the planes and statements in words
    data    what ``--json`` prints
    """

    parts: tuple[Sheet | str, ...]
    says: str
    data: dict[str, Any]

    @classmethod
    def read(cls, run: Path, retention: float | None = None, confidence: float = 0.95) -> Shown:
        """Read a finished or unfinished run.

        Args:
            run: its folder.
            retention: share of the score above chance that counts as kept (default: the scan's).
            confidence: of the intervals.

        Raises:
            RunError, ClaimError: no run, or something in it that cannot be read.
            InputError: a retention or confidence that is not valid.

        >>> import tempfile
        >>> from corrie.records.sqlite_store import SqliteStore
        >>> from corrie.testing.cliff_run import KINDS, cliff_run, identity
        >>> run = Path(tempfile.mkdtemp()) / "run"
        >>> with SqliteStore.create_or_open(run, identity()) as store:
        ...     _ = cliff_run(store, directions=2, examples=10, kinds=KINDS[:1])
        >>> shown = Shown.read(run)
        >>> shown.parts[0].title, shown.data["capabilities"][0]["score"]
        ('toy, bfloat16: how far it can be moved', 0.6)
        """
        from corrie.analysis.statement import statements_in
        from corrie.records.run_folder import RunFolder

        folder = RunFolder.open(run)
        planes, landscape = _scanned(folder)
        stated = tuple(statements_in(folder))
        parts: tuple[Sheet | str, ...] = ()
        data: dict[str, Any] = {"capabilities": []}
        if landscape is not None:
            from corrie.analysis.summary import summary

            data = summary(landscape, retention=retention, confidence=confidence)
            parts = _table(landscape, retention, confidence)
        if planes:
            data["planes"] = [plane.to_json() for plane in planes]
        of_kind: dict[str, list[Any]] = {"claims": [], "certificates": []}
        for one in stated:
            of_kind.setdefault(one.many, []).append(one.to_json())
        return cls(parts, "\n\n".join(map(str, (*planes, *stated))), {**data, **of_kind})

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        parts = [part.to_json() if isinstance(part, Sheet) else part for part in self.parts]
        return {"parts": parts, "says": self.says, "data": self.data}

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Shown:
        """The same again."""
        parts = (Sheet.of_json(part) if isinstance(part, dict) else part for part in data["parts"])
        return cls(tuple(parts), data["says"], data["data"])


def _scanned(folder: RunFolder) -> tuple[tuple[Plane, ...], Landscape | None]:
    """A run's planes, and its lines if it has any."""
    if not folder.has_store:
        return (), None
    with folder.store() as store:
        kinds = {spec.is_plane for spec, _ in store.specs()}
        planes: tuple[Plane, ...] = ()
        if True in kinds:
            from corrie.analysis.plane import Plane

            planes = Plane.all_of(store)
        if False not in kinds:
            return planes, None
        from corrie.analysis.landscape import Landscape

        return planes, Landscape.from_store(store)


def _table(landscape: Landscape, retention: float | None, confidence: float) -> tuple[Sheet | str, ...]:
    """Basins of a landscape along random directions, scores along a path."""
    if landscape.is_path:
        from corrie.reporting.path_table import paths_table

        return (paths_table(landscape),)
    from corrie.reporting.table import basins_table

    return basins_table(landscape, landscape.basins(retention, confidence))
