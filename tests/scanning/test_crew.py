"""Work among workers that die, raise, and come back in any order: every cell once, nobody waits, reasons at the end."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from corrie.errors import RunError, TaskError
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.scanning.crew import MOST_DEATHS, Died, Done, News, Raised, share_out
from corrie.scanning.executor import Arrived
from corrie.scanning.work import Work

HERE = Realised(asked=0.0, norm=0.0, cosine=None)


def pieces(count: int, blocks: int = 3) -> list[Work]:
    points = [Point.along(direction, 0.1) for direction in gaussian(count)]
    return [Work(point, tuple(("t", block) for block in range(blocks))) for point in points]


def alone(work: list[Work]) -> list[tuple[Work, ...]]:
    return [(piece,) for piece in work]


class Toy:
    """Workers in this process: whoever is busy may be heard next, at random."""

    def __init__(
        self,
        size: int,
        *,
        deadly: frozenset[str] = frozenset(),
        bad: frozenset[str] = frozenset(),
        accidents: float = 0.02,
    ) -> None:
        self.size, self.deadly, self.bad = size, deadly, bad
        self.accidents = accidents
        self.doing: dict[int, Iterator[News]] = {}
        self.given: list[tuple[int, tuple[Work, ...]]] = []
        self.busiest = 0
        self.random = random.Random(0)
        self.deaths = 0

    def give(self, worker: int, pieces: tuple[Work, ...]) -> None:
        assert worker not in self.doing, "a worker has one piece at a time"
        self.given.append((worker, pieces))
        self.doing[worker] = self.make(pieces)
        self.busiest = max(self.busiest, len(self.doing))

    def make(self, pieces: tuple[Work, ...]) -> Iterator[News]:
        for piece in pieces:
            yield Arrived(piece.point, HERE)
            for task, block in piece.blocks:
                if piece.point.id in self.bad:
                    yield Raised(TaskError("a task", found="bad at this point"))
                    return
                if piece.point.id in self.deadly or self.random.random() < self.accidents:
                    self.deaths += 1
                    yield Died("killed")
                    return
                yield Cell(point=piece.point.id, task=task, block=block, outcomes=())
        yield Done()

    def hear(self) -> tuple[int, News]:
        worker = self.random.choice(sorted(self.doing))
        heard = next(self.doing[worker])
        if not isinstance(heard, Arrived | Cell):
            del self.doing[worker]
        return worker, heard


@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_cell_comes_once_and_all_are_busy(size: int) -> None:
    work = pieces(40)
    crew = Toy(size)
    made = [event.key for event in share_out(crew, alone(work)) if isinstance(event, Cell)]
    assert sorted(made) == sorted(key for piece in work for key in piece.cells())
    assert crew.busiest == size
    assert crew.deaths > 0, "some died on the way, and nobody noticed"


def test_a_dead_workers_piece_goes_on_where_it_was() -> None:
    (piece,) = pieces(1)
    cells = [Cell(point=piece.point.id, task="t", block=block, outcomes=()) for block in range(3)]
    lives = iter(
        [[Arrived(piece.point, HERE), cells[0], Died("killed")], [Arrived(piece.point, HERE), *cells[1:], Done()]]
    )

    class Mortal(Toy):
        def make(self, pieces: tuple[Work, ...]) -> Iterator[News]:
            yield from next(lives)

    crew = Mortal(2)
    assert len(list(share_out(crew, alone([piece])))) == 5
    assert crew.given[1][1][0].blocks == (("t", 1), ("t", 2))


def test_a_deadly_point_costs_itself_alone() -> None:
    work = pieces(20)
    crew = Toy(3, deadly=frozenset({work[4].point.id}))
    made: list[Arrived | Cell] = []
    with pytest.raises(RunError, match=f"{MOST_DEATHS} workers died of it, the last: killed"):
        made.extend(share_out(crew, alone(work)))  # keeps what came before the error
    points = {event.point for event in made if isinstance(event, Cell)}
    assert points == {piece.point.id for piece in work} - {work[4].point.id}


def test_a_reason_is_raised_when_everything_else_is_done() -> None:
    work = pieces(20)
    made: list[Arrived | Cell] = []
    with pytest.raises(TaskError, match="bad at this point"):
        made.extend(share_out(Toy(3, bad=frozenset({work[0].point.id})), alone(work)))
    assert len({event.point for event in made if isinstance(event, Cell)}) == 19


def test_of_pieces_that_run_together_a_bad_one_costs_itself_alone() -> None:
    work = pieces(24)
    loads = [tuple(work[start : start + 8]) for start in range(0, 24, 8)]
    crew = Toy(2, deadly=frozenset({work[3].point.id}), bad=frozenset({work[12].point.id}), accidents=0)
    made: list[Arrived | Cell] = []
    with pytest.raises(RunError, match="2 points set aside") as raised:
        made.extend(share_out(crew, loads))
    assert f"{work[12].point}: a task: bad at this point; " in str(raised.value)
    assert f"{work[3].point}: {MOST_DEATHS} workers died of it, the last: killed" in str(raised.value)
    cells = [event.key for event in made if isinstance(event, Cell)]
    good = [piece for number, piece in enumerate(work) if number not in (3, 12)]
    assert sorted(cells) == sorted(key for piece in good for key in piece.cells())
    assert [len(load) for _, load in crew.given].count(8) == 3, "together at first"


def test_no_work() -> None:
    assert list(share_out(Toy(2), [])) == []
