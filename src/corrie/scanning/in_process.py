"""The engines of one process: what a trial's points lie in, and who scores them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corrie.capabilities.task import Task
from corrie.inputs.prompts import Prompts
from corrie.models.model import Model
from corrie.records.input_spec import InputSpec
from corrie.scanning.executor import Executor, SerialExecutor
from corrie.scanning.input_executor import InputExecutor
from corrie.scanning.subspace_executor import SubspaceExecutor
from corrie.subspaces.space import Coords, Space


@dataclass(frozen=True, slots=True)
class Within:
    """The subspace that a trial's points lie in.

    space    of the model's weight changes
    rows     how many places may be stood at together
    places   coordinates by the id of their record, for points that are not around the model itself
    """

    space: Space
    rows: int = 1
    places: Mapping[str, Coords] = field(default_factory=dict[str, Coords])


@dataclass(frozen=True, slots=True)
class Noised:
    """The noise that a trial's points put on the prompts of a task; the weights stay.

    prompts   which tokens of the task's prompts get it
    spec      what it is
    """

    prompts: Prompts
    spec: InputSpec


def serial(model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None = None, /) -> Executor:
    """The engine in this process; in a subspace, several draws as rows of one batch where it allows that."""
    if within is None:
        return SerialExecutor(model, tasks, block)
    if isinstance(within, Noised):
        return InputExecutor(model, tasks, block, within.prompts, within.spec)
    return SubspaceExecutor(model, tasks, block, within.space, within.rows, within.places)
