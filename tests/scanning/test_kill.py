"""A scan killed with SIGKILL at random moments keeps every acknowledged cell once, and nothing half-written.

Each run is a forked child that says which cells were acknowledged to it through a pipe, and is killed without warning.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.scan_spec import parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Nobody
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

KILLS = 20

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL are POSIX")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A forked child has no threads but its own: a pool that its parent started would be dead in it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Tell(Nobody):
    """Says what was acknowledged, in one write for each cell."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def acknowledges(self, cell: Cell) -> None:
        os.write(self.pipe, f"{cell.point} {cell.task} {cell.block}\n".encode())


def scan_of(model: Model) -> Scan:
    return Scan.of(
        model,
        [(toy_choice(model, size=8, name=n), 8) for n in "ab"],
        directions=gaussian(8),
        alpha=parse_alpha("0:0.4:7"),
        block=2,
    )


def scan_in_a_child(scan: Scan, folder: Path, cells: int, after: float) -> list[str]:
    """The cells acknowledged to a child that is killed so many seconds after it has acknowledged so many cells."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with SqliteStore.create_or_open(folder, scan.identity) as store:
                scan.run(store, watch=Tell(writing))
            os._exit(0)
        except BaseException:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = [told.readline() for _ in range(cells)]
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        lines += told.readlines()
    assert os.WIFSIGNALED(status), "the child ended by itself"
    return [line.strip() for line in lines]


def test_twenty_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    model = toy_model()
    assert model.packed
    scan = scan_of(model)
    dice = random.Random(7)
    acknowledged: list[str] = []
    for _ in range(KILLS):
        acknowledged += scan_in_a_child(scan, tmp_path / "run", dice.randrange(12), dice.uniform(0, 0.02))
        if (tmp_path / "run" / "run.db").exists():
            with SqliteStore.open(tmp_path / "run") as store:
                keys = store.keys()
                kept = {f"{k.point} {k.task} {k.block}" for k in keys}
                assert len(list(store.cells())) == len(kept), "every payload has its digest"
            assert set(acknowledged) <= kept, "an acknowledged cell was lost"
            assert len(kept - set(acknowledged)) <= KILLS, "at most the cell that was being said when it was killed"
    assert len(set(acknowledged)) == len(acknowledged), "a cell was made twice"
    with SqliteStore.create_or_open(tmp_path / "run", scan.identity) as store:
        assert scan.run(store) == "complete"
        assert len(store.keys()) == (1 + 8 * 6) * 2 * 4
