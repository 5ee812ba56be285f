"""Workers on Ray: resident actors, each with the model and an engine of one process (``ray:4``, ``ray:vllm:4``).

What goes over the wire is small: once to each actor how the model is loaded, where its directions lie, the tasks, and
of a question in a subspace what makes that subspace; then a point and its blocks (below 1 KB), and back the outcomes.
No weights. An actor's model must have the driver's fingerprint, and its engine the driver's arithmetic: files or
versions that differ between machines are refused and not mixed. Why this shape: ``design/ray.md``.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from corrie.capabilities.task import Task
from corrie.errors import CorrieError, InputError, ModelError, RunError
from corrie.models.encoding import Sequenced
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.recipe import LoadRecipe
from corrie.records.cell import Cell
from corrie.records.model import ModelIdentity
from corrie.scanning.crew import Died, Done, News, Raised, share_out
from corrie.scanning.crowd import Crowd
from corrie.scanning.executor import Arrived, Executor
from corrie.scanning.in_process import Noised, Within, serial
from corrie.scanning.maker import Careful, ExecutorMaker, OwnArithmetic
from corrie.scanning.scored import Inside, Scored
from corrie.scanning.subspace_executor import in_batches, rows_of
from corrie.scanning.work import Work
from corrie.subspaces.recipe import SpaceRecipe
from corrie.subspaces.space import Coords
from corrie.weights.sources import Sources

if TYPE_CHECKING:
    import torch

INSTALL = "pip install 'corrie[ray]'"

KNOCKING = 20.0
"""Seconds in which a cluster has to answer."""

LOCAL = "local"
"""No cluster: a Ray of our own on this machine, gone with the scan."""


@dataclass(frozen=True)
class Carried:
    """The engine in each worker.

    name        as it is asked for in one process
    maker       makes it
    arithmetic  its arithmetic where the run is written; a worker's has to be the same
    """

    name: str = "serial"
    maker: ExecutorMaker = serial
    arithmetic: str = ""

    def here(self, model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None) -> Executor:
        """The engine in this process.

        Raises:
            InputError: what the engine is here is not what it is there; or what it refuses.
            ModelError: it does not serve this model.
        """
        found = self.maker.arithmetic(model) if isinstance(self.maker, OwnArithmetic) else ""
        if found != self.arithmetic:
            raise InputError(
                f"engine {self.name} on another machine",
                found=f"it is {found}, not {self.arithmetic}",
                advice="the same version and settings on every machine",
            )
        if isinstance(self.maker, Careful):
            self.maker.refuse(model, Scored(tasks, _inside(within)))
        return self.maker(model, tasks, block, within)


def _inside(within: Within | Noised | None) -> Inside:
    if within is None:
        return "the weights"
    return "noised prompts" if isinstance(within, Noised) else "a subspace"


@dataclass(frozen=True)
class _Part:
    """What an actor is made of."""

    recipe: LoadRecipe
    identity: ModelIdentity
    sources: Sources
    remembered: tuple[Sequenced, ...]
    tasks: Mapping[str, Task]
    block: int
    within: _Sent | Noised | None
    threads: int
    carried: Carried


@dataclass(frozen=True)
class _Sent:
    """The subspace of a question, without the module that it hangs on."""

    space: SpaceRecipe
    rows: int
    places: Mapping[str, Coords]

    @classmethod
    def of(cls, within: Within) -> _Sent:
        return cls(SpaceRecipe.of(within.space), within.rows, within.places)

    def on(self, model: Model) -> Within:
        """The same on a copy of the model."""
        return Within(self.space.on(model), self.rows, self.places)


@dataclass(frozen=True, slots=True)
class Unfit:
    """An actor cannot be what it should be: no other would fare better."""

    reason: CorrieError


class Player:
    """An actor: the model, moved from point to point by an engine of one process, whichever that is.

    Of an executor whose ``run`` has raised the law says only that it can be left: so it is left then, which puts the
    weights back and verifies them, and another is made for the next piece.
    """

    def __init__(self, part: _Part) -> None:
        import torch

        torch.set_num_threads(part.threads)
        self._part = part
        self._stack = ExitStack()
        self._executor: Executor | None = None
        self._unfit: Unfit | None = None
        try:
            self._make = _engine(part)
            self._entered()
        except CorrieError as problem:  # raised here, Ray would hand on its text alone
            self._unfit = Unfit(problem)

    def score(self, pieces: tuple[Work, ...]) -> Iterator[News | Unfit]:
        """What the pieces make, and at their end that they are done, or why not."""
        if self._unfit is None:
            try:
                executor = self._entered()
            except CorrieError as problem:
                self._unfit = Unfit(problem)
            else:
                yield from self._scored(executor, pieces)
                return
        yield self._unfit

    def _scored(self, executor: Executor, pieces: tuple[Work, ...]) -> Iterator[News | Unfit]:
        try:
            yield from executor.run(pieces)
        except CorrieError as problem:
            yield self._left(problem) or Raised(problem)
        except Exception as problem:  # a task of somebody else may raise anything
            yield self._left(problem) or Raised(
                RunError(
                    " and ".join(f"the point {piece.point}" for piece in pieces),
                    found=f"scoring it raised {type(problem).__name__}: {problem}",
                    advice=f"--engine {self._part.carried.name}, which shows where",
                )
            )
        else:
            yield Done()

    def _entered(self) -> Executor:
        if self._executor is None:
            self._executor = self._stack.enter_context(self._make())
        return self._executor

    def _left(self, problem: Exception) -> Unfit | None:
        """Leave the engine after an error; something worse, if the weights are not what they were."""
        self._executor = None
        try:
            self._stack.__exit__(type(problem), problem, problem.__traceback__)
        except CorrieError as worse:
            self._unfit = Unfit(worse)
        return self._unfit

    def process(self) -> int:
        """The number of its process."""
        return os.getpid()


def _engine(part: _Part) -> Callable[[], Executor]:
    """Makes the engine of an actor, on a model of its own.

    Raises:
        ModelError: the model is another one there.
    """
    model = load(part.recipe.name, **part.recipe.terms)
    if model.identity.fingerprint != part.identity.fingerprint:
        raise ModelError(
            f"model {part.recipe.name} on another machine",
            found=f"its fingerprint is {model.identity.fingerprint[:16]}, not {part.identity.fingerprint[:16]}",
            advice="the same files on every machine",
        )
    model.sources = part.sources
    model.reader().remember_sequences(part.remembered)
    within = part.within.on(model) if isinstance(part.within, _Sent) else part.within
    return lambda: part.carried.here(model, part.tasks, part.block, within)


class RayExecutor:
    """Scores on Ray (:class:`corrie.scanning.executor.Executor` has the law).

    Args:
        within: the subspace or the noised prompts that the points lie in.
        workers: how many actors.
        address: of a cluster that runs (``auto``, ``ray://…``); :data:`LOCAL` starts one here.
        carried: the engine in each of them.
    """

    def __init__(
        self,
        model: Model,
        tasks: Mapping[str, Task],
        block: int,
        within: Within | Noised | None = None,
        *,
        workers: int,
        address: str = LOCAL,
        carried: Carried | None = None,
    ) -> None:
        import torch

        self._rows = rows_of(within.space, within.rows) if isinstance(within, Within) else 1
        self._part = _Part(
            recipe_of(model),
            model.identity,
            model.sources,
            model.remembered,
            dict(tasks),
            block,
            _Sent.of(within) if isinstance(within, Within) else within,
            torch.get_num_threads(),
            carried or Carried(),
        )
        self._devices = model.devices
        self._workers, self._address = workers, address
        self._stack = ExitStack()
        self._ray: Any = None
        self._shipped: Any = None
        self._actors: dict[int, Any] = {}
        self._streams: dict[Any, int] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._ray = stack.enter_context(_Connection(self._address, self._workers))
            refuse_crowds(self._ray, self._devices, self._workers)
            self._shipped = self._ray.put(self._part)
            stack.callback(self._dismiss)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        self._ray = self._shipped = None

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        """See the law of :class:`corrie.scanning.executor.Executor`."""
        if self._ray is None:
            raise RuntimeError("RayExecutor.run outside of its with block")
        try:
            yield from share_out(self, in_batches(work, self._rows), self._part.carried.name)
        finally:
            if self._streams:  # left in the midst: whoever is busy goes, the others stay
                self._dismiss(*self._streams.values())

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._workers

    @property
    def processes(self) -> dict[int, int]:
        """Worker → the number of its process, for tests that kill one."""
        return {worker: self._ray.get(actor.process.remote()) for worker, actor in self._actors.items()}

    def give(self, worker: int, pieces: tuple[Work, ...]) -> None:
        """See :class:`corrie.scanning.crew.Crew`."""
        if worker not in self._actors:
            made = self._ray.remote(num_cpus=1, num_gpus=gpus_of(self._devices), max_restarts=0)(Player)
            self._actors[worker] = made.remote(self._shipped)
        stream = self._actors[worker].score.options(num_returns="streaming").remote(pieces)
        self._streams[stream] = worker

    def hear(self) -> tuple[int, News]:
        """See :class:`corrie.scanning.crew.Crew`."""
        errors = self._ray.exceptions
        (stream,), _ = self._ray.wait(list(self._streams), num_returns=1)
        worker = self._streams[stream]
        try:
            heard = self._ray.get(next(stream))
        except errors.RayActorError as problem:
            lines = str(problem).strip().splitlines()
            if getattr(problem, "actor_init_failed", False):
                raise RunError(
                    "a worker on Ray",
                    found=f"it cannot be made: {lines[-1].strip()}",
                    advice="the engine serial, or what is missing there installed",
                ) from None
            heard = Died(lines[0])
            self._actors.pop(worker, None)
        except StopIteration:
            heard = Died("it stopped without a word")
            self._dismiss(worker)
        if isinstance(heard, Unfit):
            raise heard.reason
        if isinstance(heard, Done | Raised | Died):
            self._streams.pop(stream, None)
        return worker, heard

    def _dismiss(self, *workers: int) -> None:
        """Let workers go, by default all; what they were making is lost and harms nothing."""
        for worker in workers or tuple(self._actors):
            actor = self._actors.pop(worker, None)
            if actor is not None:
                self._ray.kill(actor)
        self._streams = {stream: worker for stream, worker in self._streams.items() if worker in self._actors}


def recipe_of(model: Model) -> LoadRecipe:
    """How a worker loads the model.

    Raises:
        InputError: it was made in memory.
    """
    return model.recipe_for("ray", "a worker")


def refuse_at_first(model: Model, workers: int, address: str, crowd: Callable[[int], Crowd]) -> None:
    """What workers on Ray cannot do, found before a run folder is made. A cluster is asked; none is started for it.

    Args:
        crowd: what so many of them take on this machine.

    Raises:
        InputError: a model in memory, no cluster at the address, more workers than it has devices, or than fit into the
            memory of this machine.
    """
    recipe_of(model)
    if address == LOCAL and not _connected():
        refuse_crowds(None, model.devices, workers)
        here = workers
    else:
        with _Connection(address, workers) as ray:
            refuse_crowds(ray, model.devices, workers)
            here = 0 if address.startswith("ray://") else surely_here(ray, model.devices, workers)
    if here:
        crowd(here).check(f"{workers} workers on Ray" + f", {here} of them on this machine" * (here < workers))


def surely_here(ray: Any, devices: Sequence[torch.device], workers: int) -> int:
    """How many workers come to this machine, wherever the others do: those for which no other has a device."""
    gpus = gpus_of(devices)
    kind, each = ("GPU", gpus) if gpus else ("CPU", 1)
    own = ray.get_runtime_context().get_node_id()
    others = (node["Resources"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != own)
    return max(workers - sum(int(has.get(kind, 0)) // each for has in others), 0)


def gpus_of(devices: Sequence[torch.device]) -> int:
    """GPUs that a worker takes, for a model that lies on these devices."""
    return sum(device.type == "cuda" for device in devices)


def refuse_crowds(ray: Any, devices: Sequence[torch.device], workers: int) -> None:
    """More workers than there are devices would wait for ever, or stand in each other's way.

    Args:
        ray: the cluster; None: this machine.
        devices: that hold the model.
        workers: how many are wanted.

    Raises:
        InputError: there are fewer.
    """
    gpus = gpus_of(devices)
    kind, each = ("GPU", gpus) if gpus else ("CPU", 1)
    there = int(ray.cluster_resources().get(kind, 0)) if ray is not None else _devices_here(kind)
    if there < workers * each:
        where = "this machine" if ray is None else "the cluster"
        raise InputError(
            f"{workers} workers on Ray",
            found=f"{where} has {there} {kind}s, and each worker takes {'one' if each == 1 else each}",
            advice=f"{there // each} workers" if there >= each else "another cluster, or the engine serial",
        )


def _devices_here(kind: str) -> int:
    import torch

    if kind == "GPU":
        return torch.cuda.device_count()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _connected() -> bool:
    return "ray" in sys.modules and import_ray().is_initialized()


class _Connection:
    """The connection to Ray: one that is there already is used and left as it is, another is closed at the end.

    A Ray of our own asks for a token, for it listens to the network; one that was imported before has read its
    settings, and they stay. Nothing else on the machine is stopped.
    """

    def __init__(self, address: str, workers: int) -> None:
        self._address, self._workers = address, workers
        self._own = False

    def __enter__(self) -> Any:
        ask_for_a_token(self._address)
        ray = import_ray()
        if ray.is_initialized():
            return ray
        quiet: Any = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            _knock(self._address)
            if self._address == LOCAL:
                ray.init(address=LOCAL, num_cpus=self._workers, include_dashboard=False, **quiet)
            else:
                ray.init(address=self._address, **quiet)
        except Exception as problem:  # Ray raises bare ones, too
            ray.shutdown()  # of what has come up of it
            here = self._address == LOCAL
            raise InputError(
                "Ray on this machine" if here else f"Ray at {self._address}",
                found=(str(problem).strip().splitlines() or [type(problem).__name__])[0][:300],
                advice="again when the machine is less busy, or the engine serial"
                if here
                else "the address that ray start printed, or none for a Ray on this machine alone",
            ) from problem
        self._own = True
        return ray

    def __exit__(self, *_: object) -> None:
        if self._own:
            import_ray().shutdown()


def ask_for_a_token(address: str) -> None:
    """Have a Ray of our own ask for a token; done before anything imports Ray, as vLLM does, for it reads its settings
    then."""
    if address == LOCAL and "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _knock(address: str) -> None:
    """Does anybody listen at HOST:PORT? Ray itself asks for minutes on end.

    Raises:
        OSError: nobody does, or there is no such host.
        ValueError: a port that is no number.
    """
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if separator:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCKING):
            pass


def import_ray() -> Any:
    """Ray itself.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module("ray")
    except ImportError:
        raise InputError("engine ray", found="Ray is not installed", advice=INSTALL) from None
