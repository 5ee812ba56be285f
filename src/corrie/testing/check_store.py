"""A conformance suite for stores: run it on your own and know that scans can trust it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corrie.errors import RunError
from corrie.records.cell import Cell, CellKey, Outcome
from corrie.records.certificate_spec import CertificateSpec, Levels, SelectingDraws
from corrie.records.direction import gaussian
from corrie.records.fraction_spec import FractionSpec
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.store import Realised, RunIdentity, Store
from corrie.records.subspace import FullSpace
from corrie.records.task import ExampleCard, TaskIdentity

IDENTITY = RunIdentity(
    model=ModelIdentity(
        name="toy",
        architecture="Toy",
        fingerprint="0" * 64,
        dtype="float32",
        parameters=100,
        selection=SelectionSpec(),
        dimension=100,
        norm=10.0,
    ),
    block=2,
    laws=("philox-1",),
)
"""The run that the suite writes."""

TASK = TaskIdentity(
    name="sums", capability="math", source="here", scoring="generation", chance=0.0, size=5, digest="d" * 64
)
CARDS = tuple(ExampleCard(id=f"sums-{i}", prompt=f"{i} + {i} =", target=str(2 * i)) for i in range(5))
MOVED = Point.along(gaussian(1)[0], 0.01)


def check_store(
    create: Callable[[RunIdentity], Store], reopen: Callable[[RunIdentity], Store] | None = None
) -> Sequence[str]:
    """Try the law of :mod:`corrie.records.store` on a store, sentence by sentence.

    Durability against a kill (law 2) needs a process to kill and is not tried here; that what was put is
    there again in a new store is.

    Args:
        create: makes a new, empty store for this run, another one at every call.
        reopen: opens again the run of the store that ``create`` made last (and the suite has closed); leave it
            out for stores that do not outlive their process.

    Returns:
        What was tried, one sentence each.

    Raises:
        AssertionError: the store breaks the law; the message is the sentence it breaks.

    >>> from corrie.records.memory_store import MemoryStore
    >>> for sentence in check_store(MemoryStore)[:2]:
    ...     print(sentence)
    a new store is of the run it was made for
    a new store is empty
    """
    tried: list[str] = []

    def must(sentence: str, holds: bool) -> None:
        if not holds:
            raise AssertionError(f"the store breaks the law: {sentence}")
        tried.append(sentence)

    _empty(create, must)
    _tasks(create, must)
    _points_and_specs(create, must)
    _claims(create, must)
    _cells(create, must)
    if reopen is not None:
        _persistence(create, reopen, must)
    return tried


_Must = Callable[[str, bool], None]


def a_cell(point: Point = MOVED, block: int = 0, answer: str = "4") -> Cell:
    """A cell of the suite's task, with everything that is hard to keep: unscored, collapsed, odd texts, odd numbers."""
    outcomes = (
        Outcome(id=f"sums-{2 * block}", success=1.0, loss=0.1 + 0.2, label="right", answer=answer),
        Outcome(
            id=f"sums-{2 * block + 1}", success=None, loss=None, label="unscored", answer="\0 \u2028 é 🌍 </script>"
        ),
    )
    return Cell(point=point.id, task=TASK.id, block=block, outcomes=outcomes)


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except RunError:
        return True
    return False


def _empty(create: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    must("a new store is of the run it was made for", store.identity == IDENTITY)
    must(
        "a new store is empty",
        not (store.tasks() or store.points() or store.specs() or store.claims() or store.keys() or list(store.cells())),
    )
    must("a task that is not there has no cards", store.cards("nowhere") == ())
    store.close()


def _tasks(create: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    store.register_task(TASK, CARDS[:2])
    store.register_task(TASK, CARDS[:4])
    store.register_task(TASK, CARDS[:3])
    other = TASK.model_copy(update={"name": "words"})
    store.register_task(other, ())
    must("tasks are listed once, in the order of registration", store.tasks() == (TASK, other))
    must("later registrations may bring more cards, and fewer take none away", store.cards(TASK.id) == CARDS[:4])
    changed = TASK.model_copy(update={"digest": "e" * 64})
    must(
        "a task of a known name with other content is refused",
        _refused(lambda: store.register_task(changed, ())) and store.tasks() == (TASK, other),
    )
    must(
        "a task whose chance level changed is refused",
        _refused(lambda: store.register_task(TASK.model_copy(update={"chance": 0.5}), ())),
    )
    must(
        "a task whose examples changed their order is refused",
        _refused(lambda: store.register_task(TASK, CARDS[::-1])) and store.cards(TASK.id) == CARDS[:4],
    )
    store.close()


def _points_and_specs(create: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    here, moved = Realised(asked=0.0, norm=0.0, cosine=None), Realised(asked=0.1, norm=0.09, cosine=0.99)
    store.record_point(Point.origin(), here)
    store.record_point(MOVED, moved)
    store.record_point(MOVED, moved.model_copy(update={"norm": 0.08}))
    must(
        "a point keeps what was first realised of it",
        store.points() == {Point.origin().id: (Point.origin(), here), MOVED.id: (MOVED, moved)},
    )
    request = TaskRequest(task=TASK.id, limit=3)
    small = ScanSpec(tasks=(request,), directions=gaussian(1), alpha=AlphaGrid.parse("0:0.1:3"))
    wide = small.model_copy(update={"directions": gaussian(2)})
    for spec, day in ((small, "Monday"), (wide, "Tuesday"), (small, "Friday")):
        store.record_spec(spec, {"date": day})
    must(
        "each distinct spec is kept once, oldest first",
        store.specs() == ((small, {"date": "Monday"}), (wide, {"date": "Tuesday"})),
    )
    store.close()


def a_claim(sigma: float = 0.01, first: int | None = None, failures: int | None = 0) -> FractionSpec:
    """A claim about the suite's task."""
    request = TaskRequest(task=TASK.id, limit=3)
    return FractionSpec.of([request], sigma=sigma, fraction=0.9, confidence=0.95, failures=failures, first=first)


def a_certificate(sigma: float = 0.01, first: int = 5000, draws: int = 30) -> CertificateSpec:
    """A certificate of the suite's task, in the space of all weights."""
    return CertificateSpec(
        tasks=(TaskRequest(task=TASK.id, limit=3),),
        subspace=FullSpace(),
        sigma=sigma,
        lattice=-24,
        draws=draws,
        confidence=0.95,
        selection=SelectingDraws(first=1000, count=20, ratio=1.0, most=3),
        levels=(Levels(task=TASK.id, levels=(1 / 3, 2 / 3)),),
        first=first,
    )


def _claims(create: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    store.record_point(MOVED, Realised(asked=0.1, norm=0.09, cosine=0.99))
    seen = next(s.direction.seed for s in MOVED.steps if s.direction.kind == "gaussian")
    must(
        "a claim on a direction that was looked at before is refused",
        _refused(lambda: store.record_claim(a_claim(first=max(seen - 5, 0)), {})) and store.claims() == (),
    )
    one, two = a_claim(), a_claim(sigma=0.02)
    for claim, day in ((one, "Monday"), (two, "Tuesday"), (one, "Friday")):
        store.record_claim(claim, {"date": day})
    kept = ((one, {"date": "Monday"}), (two, {"date": "Tuesday"}))
    must("each distinct claim is kept once, oldest first", store.claims() == kept)
    must(
        "another design for the same question is refused",
        _refused(lambda: store.record_claim(a_claim(failures=None), {}))
        and _refused(lambda: store.record_claim(a_claim(first=seen + 1), {}))
        and store.claims() == kept,
    )
    must(
        "a claim on another claim's directions is refused",
        _refused(lambda: store.record_claim(a_claim(sigma=0.03, first=one.first + one.draws - 1), {}))
        and store.claims() == kept,
    )
    store.record_point(one.point(0), Realised(asked=0.1, norm=0.09, cosine=0.99))
    store.record_claim(one, {"date": "Sunday"})
    must("a claim goes on after its own draws", store.claims() == kept)
    store.close()
    _certificates(create, must)


def _certificates(create: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    store.record_point(MOVED, Realised(asked=0.1, norm=0.09, cosine=0.99))
    seen = next(s.direction.seed for s in MOVED.steps if s.direction.kind == "gaussian")
    must(
        "a certificate on noise whose numbers a scan has looked at is refused",
        _refused(lambda: store.record_claim(a_certificate(first=max(seen - 5, 0)), {})) and store.claims() == (),
    )
    certificate, claim = a_certificate(), a_claim()
    store.record_claim(certificate, {"date": "Monday"})
    store.record_claim(claim, {"date": "Tuesday"})
    kept = ((certificate, {"date": "Monday"}), (claim, {"date": "Tuesday"}))
    must("certificates are kept beside other claims", store.claims() == kept)
    must(
        "another design for a certificate's question is refused",
        _refused(lambda: store.record_claim(a_certificate(draws=31), {}))
        and _refused(lambda: store.record_claim(a_certificate(first=6000), {}))
        and store.claims() == kept,
    )
    must(
        "a certificate or claim on another certificate's draws is refused",
        _refused(lambda: store.record_claim(a_certificate(sigma=0.02, first=5029), {}))
        and _refused(lambda: store.record_claim(a_claim(sigma=0.03, first=5029), {}))
        and store.claims() == kept,
    )
    store.record_point(certificate.point(0), Realised(asked=0.1, norm=0.09, cosine=0.99))
    store.record_claim(certificate, {"date": "Sunday"})
    must("a certificate goes on after its own draws", store.claims() == kept)
    store.close()


def _cells(create: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    must("a cell of a task that is not registered is refused", _refused(lambda: store.put(a_cell())))
    store.register_task(TASK, CARDS)
    first, second = a_cell(Point.origin()), a_cell(block=1)
    store.put(first)
    store.put(second)
    must("what was put is there", store.keys() == {first.key, second.key})
    must("a cell comes back as it was put", store.get(first.key) == first and store.get(second.key) == second)
    store.put(a_cell(Point.origin()))
    must("putting the same again changes nothing", list(store.cells()) == [first, second])
    must(
        "other outcomes under the same key are refused",
        _refused(lambda: store.put(a_cell(Point.origin(), answer="5"))) and store.get(first.key) == first,
    )
    must("cells come in the order of asking", list(store.cells([second.key, first.key])) == [second, first])
    infinite = Outcome(id="sums-0", success=0.0, loss=float("inf"), label="wrong")
    endless = Cell(point=MOVED.id, task=TASK.id, block=0, outcomes=(infinite,))
    must("a number that is not finite is refused", _refused(lambda: store.put(endless)))
    try:
        store.get(CellKey(MOVED.id, TASK.id, 7))
    except KeyError:
        found = False
    else:
        found = True
    must("a cell that is not there is a KeyError", not found)
    store.close()


def _persistence(create: Callable[[RunIdentity], Store], reopen: Callable[[RunIdentity], Store], must: _Must) -> None:
    store = create(IDENTITY)
    store.register_task(TASK, CARDS)
    store.record_point(MOVED, Realised(asked=0.1, norm=0.09, cosine=0.99))
    store.record_spec(
        ScanSpec(tasks=(TaskRequest(task=TASK.id, limit=3),), directions=gaussian(1), alpha=AlphaGrid.parse("0.1")),
        {"date": "Monday"},
    )
    store.record_claim(a_claim(), {"date": "Monday"})
    store.put(a_cell())

    def everything() -> tuple[object, ...]:
        listed = (store.tasks(), store.cards(TASK.id), store.points(), store.specs(), store.claims())
        return (*listed, list(store.cells()))

    before = everything()
    store.close()
    store = reopen(IDENTITY)
    must("everything is there again when the run is opened again", before == everything())
    must("a claim's design is kept through it", _refused(lambda: store.record_claim(a_claim(failures=2), {})))
    must("an acknowledged cell is kept through it", _refused(lambda: store.put(a_cell(answer="5"))))
    store.put(a_cell(block=1))
    store.close()
    for change in (
        {"block": 3},
        {"laws": ("philox-2",)},
        {"model": IDENTITY.model.model_copy(update={"dtype": "bfloat16"})},
    ):
        other = IDENTITY.model_copy(update=change)
        must(f"a run of another {next(iter(change))} is refused", _refused(lambda other=other: reopen(other)))
    store = reopen(IDENTITY)
    must("a refused opening leaves the run as it was", store.keys() == {a_cell().key, a_cell(block=1).key})
    store.close()
