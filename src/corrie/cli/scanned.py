"""What the commands that score all over lines and planes share: what it would cost, and what a spent budget leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from corrie.cli.console import complain

if TYPE_CHECKING:
    from corrie.scanning.scan import Scan


def estimate(prepared: Scan, run: Path, *, tokens: bool = False) -> str:
    """Points, examples and time of what is missing in a run folder, which need not be there; nothing is written.

    tokens   what is read and written, and hours by device, instead of a block of every task timed
    """
    folder = prepared.folder_in(run)
    from corrie.records.sqlite_store import SqliteStore
    from corrie.scanning.work import Known

    known = Known()
    if (folder / "run.db").exists():
        with SqliteStore.open(folder) as kept:
            known = Known(kept.cells())
    if tokens:
        from corrie.scanning.cost import cost_of

        return str(cost_of(prepared, known))
    return str(prepared.estimate(known))


def say_budget_is_spent() -> None:
    """A note where the time did not reach."""
    complain("the time budget is spent before everything was scored; the same command continues.", "Note")
