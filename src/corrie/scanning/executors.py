"""Executors by name: who may do the scoring of a scan, and how another package adds one.

An :class:`ExecutorMaker` makes an :class:`corrie.scanning.executor.Executor` for a model, its tasks and a block. Every
trial takes its name (``engine="serial"``) and gets its executor here, so an engine that is added once is reached by all
of them. Engines of other packages are found by the entry-point group ``corrie.executors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

from corrie.capabilities.task import Task
from corrie.errors import InputError, UnknownName
from corrie.models.model import Model
from corrie.models.vllm.here import vllm_here
from corrie.models.vllm.serving import refuse_unserved
from corrie.scanning.executor import Executor
from corrie.scanning.in_process import Noised, Within, serial
from corrie.scanning.ray_executor import INSTALL, LOCAL, RayExecutor, refuse_at_first
from corrie.scanning.scored import Scored
from corrie.scanning.vllm_executor import VllmExecutor, refuse_inside, refuse_without_room

GROUP = "corrie.executors"
"""The entry-point group for engines of other packages."""


class ExecutorMaker(Protocol):
    """Makes an executor.

    The law
    -------
    1. What it makes keeps the law of :class:`corrie.scanning.executor.Executor`: a cell does not depend on the engine,
       unless it is one of an arithmetic of its own (:class:`OwnArithmetic`).
    2. With a :class:`Within` the points lie in that subspace, with a :class:`Noised` they are draws of that noise on
       prompts; without, they are directions of all selected weights. An engine that cannot do one of them says so by an
       :class:`corrie.errors.InputError`.
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
        """Refuse what it cannot do.

        Raises:
            InputError: it cannot do this.
            ModelError: it does not serve this model.
        """
        ...


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Workers on Ray, written ``ray:WORKERS`` or ``ray:WORKERS@ADDRESS``.

    >>> RayEngine(4, "auto")
    RayEngine(workers=4, address='auto')
    """

    workers: int = 2
    address: str = LOCAL

    @classmethod
    def parse(cls, text: str) -> RayEngine:
        """The engine of what stands behind ``ray:``.

        Raises:
            InputError: no number of workers, or Ray is not installed.
        """
        workers, _, address = text.partition("@")
        if workers and (not workers.isdecimal() or not 0 < int(workers) < 10_000):
            raise InputError(f"engine ray:{text}"[:200], found=f"{workers[:40]!r} workers", advice="ray:2")
        if find_spec("ray") is None:
            raise InputError(f"engine ray:{text}".rstrip(":"), found="Ray is not installed", advice=INSTALL)
        return cls(int(workers or cls().workers), address or LOCAL)

    def __call__(
        self, model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None = None, /
    ) -> Executor:
        """See :class:`ExecutorMaker`."""
        return RayExecutor(model, tasks, block, within, workers=self.workers, address=self.address)

    def refuse(self, model: Model, scored: Scored, /) -> None:
        """See :class:`Careful`.

        Raises:
            InputError: what :func:`refuse_at_first` refuses.
        """
        refuse_at_first(model, self.workers, self.address)


@dataclass(frozen=True, slots=True)
class VllmEngine:
    """vLLM writes the answers, and this process reads (:mod:`corrie.scanning.vllm_executor`)."""

    @classmethod
    def found(cls) -> VllmEngine:
        """The engine, if vLLM is installed.

        Raises:
            InputError: it is not.
        """
        vllm_here()
        return cls()

    def __call__(
        self, model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None = None, /
    ) -> Executor:
        """See :class:`ExecutorMaker`."""
        if within is not None:
            refuse_inside("noised prompts" if isinstance(within, Noised) else "a subspace")
        return VllmExecutor(model, tasks, block)

    def arithmetic(self, model: Model, /) -> str:
        """See :class:`OwnArithmetic`."""
        return vllm_here().arithmetic(model.device)

    def refuse(self, model: Model, scored: Scored, /) -> None:
        """See :class:`Careful`."""
        refuse_inside(scored.inside)
        refuse_unserved(model)
        refuse_without_room(model, scored.tasks)


BUILT_IN_EXECUTORS: Mapping[str, ExecutorMaker] = {"serial": serial, "ray": RayEngine(), "vllm": VllmEngine()}
"""Corrie's own engines."""


def check_engine(name: str, model: Model, scored: Scored | None = None) -> None:
    """Refuse an engine that cannot do what is asked, before a run folder is made.

    Args:
        name: of the engine.
        model: that is asked.
        scored: what it is asked; by default nothing but its weights moved.

    Raises:
        UnknownName: there is none of that name.
        InputError: it cannot be loaded, or cannot do this.
        ModelError: it does not serve this model.

    >>> from corrie.testing.toy_models import toy_model
    >>> check_engine("serial", toy_model())
    """
    maker = engine_named(name)
    if isinstance(maker, Careful):
        maker.refuse(model, scored or Scored({}))


def arithmetic_of(name: str, model: Model) -> str:
    """By whose arithmetic an engine makes its cells; empty: corrie's own, whoever runs it.

    >>> from corrie.testing.toy_models import toy_model
    >>> arithmetic_of("serial", toy_model())
    ''
    """
    maker = engine_named(name)
    return maker.arithmetic(model) if isinstance(maker, OwnArithmetic) else ""


def engine_names() -> tuple[str, ...]:
    """The names of all engines there are, sorted.

    >>> "serial" in engine_names()
    True
    """
    return tuple(sorted({*BUILT_IN_EXECUTORS, *_added()}))


def engine_named(name: str) -> ExecutorMaker:
    """The engine of a name; corrie's own first. That of Ray takes its terms with its name (:class:`RayEngine`).

    Raises:
        UnknownName: there is none.
        InputError: another package's engine cannot be loaded, or what an engine runs on is not installed.

    >>> engine_named("serial") is serial
    True
    >>> engine_named("seriel")
    Traceback (most recent call last):
    corrie.errors.UnknownName: no engine named 'seriel'. Known: ray, serial, vllm. Did you mean 'serial'?
    """
    kind, _, terms = name.partition(":")
    if kind == "ray":
        return RayEngine.parse(terms)
    if name == "vllm":
        return VllmEngine.found()
    if name in BUILT_IN_EXECUTORS:
        return BUILT_IN_EXECUTORS[name]
    added = _added()
    if name not in added:
        raise UnknownName("engine", name, engine_names())
    try:
        return added[name]()
    except Exception as problem:  # another package's code may raise anything
        raise InputError(
            f"engine {name!r}",
            found=f"it cannot be loaded ({type(problem).__name__}: {problem})",
            advice="another one, or its package installed anew",
        ) from problem


def _added() -> dict[str, Callable[[], ExecutorMaker]]:
    """Engines of other packages, not loaded yet."""
    return {point.name: point.load for point in entry_points(group=GROUP)}
