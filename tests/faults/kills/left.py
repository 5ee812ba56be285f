"""What a command left in its folder, by content: what must be equal whether it was killed on the way or not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DATES = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?")


WHEN = ("provenance", "created", "started", "seconds", "cpu")
TIMES = re.compile(r"[\d,]+ s, [\d,]+ CPU-seconds")
"""How long the steps of widening took, as it is printed."""


def left_in(folder: Path) -> dict[str, Any]:
    """Name → content of every file, hidden ones too; of a run its records, of others the bytes but for the time."""
    files = sorted(f for f in folder.rglob("*") if not f.is_dir())
    return {str(f.relative_to(folder)): _content(f) for f in files}


def cells(folder: Path) -> set[tuple[Any, ...]]:
    """Every acknowledged outcome below a folder."""
    found: set[tuple[Any, ...]] = set()
    for database in folder.rglob("run.db"):
        found |= _records(database)[-1]
    return found


def _records(database: Path) -> tuple[Any, ...]:
    from corrie.records.sqlite_store import SqliteStore

    with SqliteStore.open(database.parent) as store:
        return (
            store.identity,
            store.tasks(),
            tuple(store.cards(t.id) for t in store.tasks()),
            {spec.canonical() for spec, _ in store.specs()},
            {claim.canonical() for claim, _ in store.claims()},
            store.points(),
            {(c.point, c.task, c.block, c.payload()) for c in store.cells()},
        )


def _content(file: Path) -> Any:
    if file.name == "run.db":
        return _records(file)
    if file.suffix == ".safetensors":
        raw = file.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        return _plain(json.loads(raw[8 : 8 + length])), raw[8 + length :]
    if file.suffix == ".json":
        return _plain(json.loads(file.read_text("utf-8")))
    return DATES.sub(b"then", file.read_bytes())


def _plain(value: Any) -> Any:
    """Without what says when and where it was made."""
    if isinstance(value, dict):
        return {
            k: _plain(v) for k, v in value.items() if k not in ("provenance", "created", "started", "seconds", "cpu")
        }
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return DATES.sub(b"then", value.encode()).decode() if isinstance(value, str) else value
