"""Executors by name: who may do the scoring of a scan, and how another package adds one.

A maker (:mod:`corrie.scanning.maker`) makes an :class:`corrie.scanning.executor.Executor` for a model, its tasks and a
block. Every trial takes its name (``engine="serial"``) and gets its executor here, so an engine that is added once is
reached by all of them. Engines of other packages are found by the entry-point group ``corrie.executors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec

from corrie.capabilities.task import Task
from corrie.errors import InputError, UnknownName
from corrie.models.model import Model
from corrie.models.vllm.here import vllm_here
from corrie.models.vllm.serving import refuse_unserved
from corrie.scanning.crowd import Crowd, Takes
from corrie.scanning.executor import Executor
from corrie.scanning.in_process import Noised, Within, serial
from corrie.scanning.maker import Careful, ExecutorMaker, OwnArithmetic, Resident, Stating
from corrie.scanning.ray_executor import INSTALL, LOCAL, Carried, RayExecutor, ask_for_a_token, refuse_at_first
from corrie.scanning.scored import Scored
from corrie.scanning.vllm_executor import (
    VllmExecutor,
    memory_of_vllm,
    refuse_inside,
    refuse_without_room,
    taken_by_vllm,
)

GROUP = "corrie.executors"
"""The entry-point group for engines of other packages."""


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Workers on Ray, each with an engine in it: ``ray:WORKERS``, ``ray:WORKERS@ADDRESS``, ``ray:ENGINE:WORKERS``, …

    workers   how many
    address   of a cluster that runs; :data:`LOCAL` starts one here
    engine    what each of them carries, by its name

    >>> RayEngine(4, "auto")
    RayEngine(workers=4, address='auto', engine='serial')
    """

    workers: int = 2
    address: str = LOCAL
    engine: str = "serial"

    @classmethod
    def parse(cls, text: str) -> RayEngine:
        """The engine of what stands behind ``ray:``.

        Raises:
            InputError: no number of workers, workers that would carry workers, or Ray or what an engine runs on is not
                installed.
            UnknownName: there is no engine of that name to be carried.

        >>> RayEngine.parse("serial:8@auto")  # doctest: +SKIP
        RayEngine(workers=8, address='auto', engine='serial')
        """
        usual = cls()
        terms, _, address = text.partition("@")
        carried, colon, workers = terms.rpartition(":")
        if not colon and not workers.isdecimal() and workers in engine_names():
            carried, workers = workers, ""
        if workers and (not workers.isdecimal() or not 0 < int(workers) < 10_000):
            advice = "ray:2, or ray:vllm:2"
            raise InputError(f"engine ray:{text}"[:200], found=f"{workers[:40]!r} workers", advice=advice)
        if find_spec("ray") is None:
            raise InputError(f"engine ray:{text}".rstrip(":"), found="Ray is not installed", advice=INSTALL)
        carried = carried or usual.engine
        if isinstance(engine_named(carried), RayEngine):
            raise InputError(f"engine ray:{text}"[:200], found="workers that would carry workers", advice="ray:2")
        return cls(int(workers or usual.workers), address or LOCAL, carried)

    def __call__(
        self, model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None = None, /
    ) -> Executor:
        """See :class:`corrie.scanning.maker.ExecutorMaker`."""
        carried = Carried(self.engine, self.carried, self.arithmetic(model))
        return RayExecutor(model, tasks, block, within, workers=self.workers, address=self.address, carried=carried)

    @property
    def carried(self) -> ExecutorMaker:
        """The engine in each worker."""
        return engine_named(self.engine)

    def arithmetic(self, model: Model, /) -> str:
        """That of the engine in each worker: cells are the same whoever carries it."""
        return arithmetic_of(self.engine, model)

    def refuse(self, model: Model, scored: Scored, /) -> None:
        """See :class:`corrie.scanning.maker.Careful`.

        Raises:
            InputError: what :func:`refuse_at_first` refuses, and the engine in each worker.
            ModelError: that engine does not serve this model.
        """
        ask_for_a_token(self.address)  # what that engine runs on may bring Ray with it
        carried = self.carried
        if isinstance(carried, Resident):
            carried.refuse_anywhere(model, scored)
        elif isinstance(carried, Careful):
            carried.refuse(model, scored)
        refuse_at_first(model, self.workers, self.address, lambda workers: self._crowd(model, scored, workers))

    def memory(self, model: Model, scored: Scored, /) -> str:
        """See :class:`corrie.scanning.maker.Stating`. How many of a cluster's workers come here is not known."""
        return str(self._crowd(model, scored, self.workers if self.address == LOCAL else 1))

    def _crowd(self, model: Model, scored: Scored, workers: int) -> Crowd:
        carried = self.carried
        usual = Takes(moves=scored.inside == "the weights")
        return Crowd.of(model, carried.takes(model, scored) if isinstance(carried, Resident) else usual, workers)


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
        """See :class:`corrie.scanning.maker.ExecutorMaker`."""
        if within is not None:
            refuse_inside("noised prompts" if isinstance(within, Noised) else "a subspace")
        return VllmExecutor(model, tasks, block)

    def arithmetic(self, model: Model, /) -> str:
        """See :class:`corrie.scanning.maker.OwnArithmetic`."""
        return vllm_here().arithmetic(model.device)

    def refuse_anywhere(self, model: Model, scored: Scored, /) -> None:
        """See :class:`corrie.scanning.maker.Resident`."""
        refuse_inside(scored.inside)
        refuse_unserved(model)

    def refuse(self, model: Model, scored: Scored, /) -> None:
        """See :class:`corrie.scanning.maker.Careful`."""
        self.refuse_anywhere(model, scored)
        refuse_without_room(model, scored.tasks)

    def takes(self, model: Model, scored: Scored, /) -> Takes:
        """See :class:`corrie.scanning.maker.Resident`."""
        return taken_by_vllm(model, scored.tasks)

    def memory(self, model: Model, scored: Scored, /) -> str:
        """See :class:`corrie.scanning.maker.Stating`."""
        return memory_of_vllm(model, scored.tasks)


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


def memory_of(name: str, model: Model, scored: Scored) -> str:
    """What an engine takes of this machine's memory beside what is taken already, in a line; empty: it does not say.

    >>> from corrie.testing.toy_models import toy_model
    >>> memory_of("serial", toy_model(), Scored({}))
    ''
    """
    maker = engine_named(name)
    return maker.memory(model, scored) if isinstance(maker, Stating) else ""


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
