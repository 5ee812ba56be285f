"""What an engine is: it makes executors; and what it may say of itself beside that.

An engine of another package needs :class:`ExecutorMaker` alone. The others are for what is not usual: numbers of its
own (:class:`OwnArithmetic`), something that it cannot do (:class:`Careful`), other memory than the model and what moves
it (:class:`Resident`), a line on that (:class:`Stating`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.scanning.crowd import Takes
from corrie.scanning.executor import Executor
from corrie.scanning.in_process import Noised, Within
from corrie.scanning.scored import Scored


class ExecutorMaker(Protocol):
    """Makes an executor.

    The law
    -------
    1. What it makes keeps the law of :class:`corrie.scanning.executor.Executor`: a cell does not depend on the engine,
       unless it is one of an arithmetic of its own (:class:`OwnArithmetic`).
    2. With a :class:`Within` the points lie in that subspace, with a :class:`Noised` they are draws of that noise on
       prompts; without, they are directions of all selected weights. An engine that cannot do one of them says so by an
       :class:`corrie.errors.InputError`.
    3. It can be pickled: workers on Ray carry it (``ray:NAME``).
    """

    def __call__(
        self, model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None = None, /
    ) -> Executor: ...


@runtime_checkable
class OwnArithmetic(Protocol):
    """An engine whose cells may differ from everybody's in more than who made them: no run holds cells of two such."""

    def arithmetic(self, model: Model, /) -> str:
        """What its cells are made by here, with version and mode: part of a run's identity."""
        ...


@runtime_checkable
class Careful(Protocol):
    """An engine that can say before anything is made what it cannot do."""

    def refuse(self, model: Model, scored: Scored, /) -> None:
        """Refuse what it cannot do in this process.

        Raises:
            InputError: it cannot do this.
            ModelError: it does not serve this model.
        """
        ...


@runtime_checkable
class Resident(Protocol):
    """An engine that takes other memory than the model and what moves it: what it cannot do and what it takes in a
    process of its own, asked in one that will not hold it."""

    def refuse_anywhere(self, model: Model, scored: Scored, /) -> None:
        """Refuse what it cannot do, however much room there is.

        Raises:
            InputError: it cannot do this.
            ModelError: it does not serve this model.
        """
        ...

    def takes(self, model: Model, scored: Scored, /) -> Takes:
        """What it takes."""
        ...


@runtime_checkable
class Stating(Protocol):
    """An engine that states what memory it takes, before anything is loaded for it."""

    def memory(self, model: Model, scored: Scored, /) -> str:
        """One line."""
        ...
