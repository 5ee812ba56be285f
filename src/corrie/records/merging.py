"""Several runs of one model become one: shards of a plan, or what was scored on several machines.

Every cell is a function of model, point, task and block (the executor's law), so runs of one identity are parts of one
run, and merging them is copying. What may not be in one run is refused as the store itself refuses it
(:mod:`corrie.records.store_law`), here with both names, and before anything is written (``design/shards.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from corrie.errors import InputError, RunError
from corrie.records.cell import CellKey
from corrie.records.run_database import DATABASE
from corrie.records.run_folder import RunFolder
from corrie.records.shard import Shard
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import RunIdentity
from corrie.records.store_law import (
    completed,
    refuse_other_cards,
    refuse_other_design,
    refuse_other_identity,
    refuse_other_outcomes,
    refuse_other_task,
    refuse_seen_directions,
)

_Provenance = dict[str, str]
_Asked = TypeVar("_Asked")


@dataclass(frozen=True, slots=True)
class Merged:
    """A run that others were copied into.

    to        its folder
    runs      what was copied
    points    places in weight space that it knows
    cells     blocks of examples in it
    new       those of them that it did not have
    missing   shards whose siblings are among these runs and they are not
    left      files beside the outcomes of these runs, such as a kept certificate, which were not copied
    """

    to: Path
    runs: tuple[Path, ...]
    points: int
    cells: int
    new: int
    missing: tuple[Shard, ...] = ()
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"{len(self.runs)} run{'s' * (len(self.runs) != 1)}"
        said = f"{self.to}: {self.points} points, {self.cells} cells, {self.new} of them new, from {what}"
        if self.missing:
            plural = "s" * (len(self.missing) != 1)
            said += f"; shard{plural} {', '.join(map(str, self.missing))} not among them"
        if self.left:
            said += f"; not copied: {', '.join(self.left)} (the command that made it makes it again from the outcomes)"
        return said


def merge_runs(runs: Sequence[str | Path], to: str | Path | None = None) -> Merged:
    """Copy runs of one identity into one: tasks, points, specs, claims, cells. The runs themselves are only read.

    Merging again is harmless, and goes on with what has come since. All of it is acknowledged together: a merge that is
    stopped leaves the target as it was.

    Args:
        runs: run folders; one with shards in it stands for these.
        to: the run folder that is made or extended. None, with a single folder: that one.

    Raises:
        InputError: nothing to merge, or no target.
        RunError: no run at one of these places, or runs that do not belong together.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.cliff_run import cliff_run, identity
    >>> place = Path(tempfile.mkdtemp())
    >>> for name, directions in (("one", 1), ("two", 2)):
    ...     with SqliteStore.create_or_open(place / name, identity()) as store:
    ...         _ = cliff_run(store, directions=directions, examples=10)
    >>> print(merge_runs([place / "one", place / "two"], place / "both").cells)
    125
    """
    if to is None:
        if len(runs) != 1:
            raise InputError(f"merging {len(runs)} runs", found="no folder to put them in", advice="--to RUN")
        to = runs[0]
    target = Path(to)
    sources = _sources(runs, target)
    with ExitStack() as stack:
        opened = [stack.enter_context(SqliteStore.open(run)) for run in sources]
        with ExitStack() as reading:
            kept = [reading.enter_context(SqliteStore.open(target))] if (target / DATABASE).exists() else []
            _refuse_strangers([*kept, *opened])
            _refuse_other_batch(kept, opened)
            identity = _identity([*kept, *opened])
        with SqliteStore.create_or_open(target, identity) as store:
            before = len(store.keys())
            with store.at_once():
                _copy(opened, store)
            cells = len(store.keys())
            return Merged(
                to=target,
                runs=sources,
                points=len(store.points()),
                cells=cells,
                new=cells - before,
                missing=_missing(opened),
                left=tuple(sorted({kind for run in sources for kind in RunFolder(run).kinds} - {"fraction"})),
            )


def _sources(runs: Sequence[str | Path], target: Path) -> tuple[Path, ...]:
    """The folders to read, each once, without the target itself."""
    found: dict[Path, Path] = {}
    for run in map(Path, runs):
        shards = RunFolder(run).shards
        own = (run,) if not shards or (run / DATABASE).is_file() else ()
        found |= {place.resolve(): place for place in (*own, *shards)}
    found.pop(target.resolve(), None)
    if not found:
        where = ", ".join(map(str, runs)) or "nothing"
        advice = "run folders that corrie scan --shard made, or the folder that they lie in"
        there = any(Path(run).is_dir() for run in runs)
        why = "no run beside the target" if there else "no such folder"
        raise InputError(f"merging {where}", found=why, advice=advice)
    return tuple(found.values())


def _identity(stores: Sequence[SqliteStore]) -> RunIdentity:
    """What the whole is of: the first one's, completed by those that say more, with the rule of what was written."""
    found = stores[0].identity
    for store in stores[1:]:
        found = completed(found, store.identity) or found
    rule = next((store.identity for store in stores if _writes(store)), found)
    return found.model_copy(update={"batch": rule.batch, "slots": rule.slots})


def _writes(store: SqliteStore) -> bool:
    """Whether a run asks for answers that are written, so that its batch says how they came about."""
    return any(task.scoring == "generation" for task in store.tasks())


def _refuse_strangers(stores: Sequence[SqliteStore]) -> None:
    """Check that these may be one run, before anything is written.

    Raises:
        RunError: they may not; both are named.
    """
    for one, other in combinations(stores, 2):
        both = _both(one, other)
        refuse_other_identity(both, one.identity, other.identity)
        named = {task.name: task for task in one.tasks()}
        for task in other.tasks():
            if task.name in named:
                refuse_other_task(both, named[task.name], task)
                refuse_other_cards(both, task.name, one.cards(named[task.name].id), other.cards(task.id))
        _refuse_claims(one, other)
        _refuse_claims(other, one)
    holder: dict[CellKey, SqliteStore] = {}
    for store in stores:
        for key in sorted(store.keys()):
            first = holder.setdefault(key, store)
            if first is not store:
                refuse_other_outcomes(_both(first, store), first.get(key), store.get(key))


def _refuse_other_batch(target: Sequence[SqliteStore], sources: Sequence[SqliteStore]) -> None:
    """Answers that were written by two rules are not one run's; nor may a run that is there change its own.

    Raises:
        RunError: they were; both runs are named.
    """
    for one, other in combinations([*target, *(store for store in sources if _writes(store))], 2):
        rules = [store.identity.rule for store in (one, other)]
        if rules[0] != rules[1] and _writes(other):
            raise RunError(
                f"run {_both(one, other)}",
                found=f"answers are written {rules[0]} at a time there and {rules[1]} here",
                advice="the same --batch for all of them: a number, not auto, where machines differ in memory",
            )


def _refuse_claims(one: SqliteStore, other: SqliteStore) -> None:
    """A claim of one run is no second design for a question of the other, and its draws are not what the other has
    looked at without it."""
    fixed = [claim for claim, _ in other.claims()]
    along = [point for point, _ in other.points().values()]
    for claim, _ in one.claims():
        if claim not in fixed:
            refuse_other_design(_both(other, one), fixed, claim)
            refuse_seen_directions(_both(other, one), along, claim)


def _both(one: SqliteStore, other: SqliteStore) -> str:
    """How the law names a run that another is to be part of."""
    return f"{one.folder}, which {other.folder} is to be merged with"


def _copy(sources: Iterable[SqliteStore], target: SqliteStore) -> None:
    """Everything that the store of a run keeps, claims before the points that they speak of."""
    sources = tuple(sources)
    for source in sources:
        for task in source.tasks():
            target.register_task(task, source.cards(task.id))
    for claim, said in _together(source.claims() for source in sources):
        target.record_claim(claim, said)
    for spec, said in _together(source.specs() for source in sources):
        target.record_spec(spec, said)
    for source in sources:
        for point, realised in source.points().values():
            target.record_point(point, realised)
        for cell in source.cells():
            target.put(cell)


def _together(kept: Iterable[Sequence[tuple[_Asked, _Provenance]]]) -> Iterator[tuple[_Asked, _Provenance]]:
    """What several runs were asked, each once, with the provenance of all: where they differ, every value stands."""
    found: dict[_Asked, dict[str, dict[str, None]]] = {}
    for asked, said in (pair for pairs in kept for pair in pairs):
        values = found.setdefault(asked, {})
        for key, value in said.items():
            values.setdefault(key, {})[value] = None
    for asked, values in found.items():
        yield asked, {key: "; ".join(several) for key, several in values.items()}


def _missing(stores: Iterable[SqliteStore]) -> tuple[Shard, ...]:
    """Shards whose siblings are here and they are not."""
    missing: dict[Shard, None] = {}
    seen: dict[object, set[Shard]] = {}
    for store in stores:
        for asked, said in (*store.specs(), *store.claims()):
            shards = {Shard.parse(text) for text in said.get("shard", "").split("; ") if text}
            seen.setdefault(asked, set()).update(shards)
    for shards in seen.values():
        for count in sorted({shard.count for shard in shards}):
            missing |= {s: None for s in (Shard(i, count) for i in range(count)) if s not in shards}
    return tuple(missing)
