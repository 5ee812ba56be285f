"""Run by test_peak_memory.py: prints the peak memory of each job in sizes of the model, each in a fork of its own.

Counted are the anonymous pages of the process (mapped files are not in them) above what they were before the job.
"""

import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from corrie.records.direction import Gaussian
from corrie.records.paths import Difference
from corrie.records.point import Point
from corrie.weights.ascent import worst_case
from corrie.weights.curvature import top_curvature
from corrie.weights.drawn_again import Drawing
from corrie.weights.perturbed import Moving
from corrie.weights.realise import realise
from corrie.weights.saved import save_direction
from corrie.weights.selection import select
from corrie.weights.sizes import sizes
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles
from corrie.weights.written import write_checkpoint

PARTS, SIDE = 16, 512
SIZE = PARTS * SIDE * SIDE * 4


def anonymous() -> int:
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("RssAnon"))
    return 1024 * int(line.split()[1])


class Peak(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        gc.collect()
        self.before = self.highest = anonymous()
        self.done = False
        self.start()

    def run(self) -> None:
        while not self.done:
            self.highest = max(self.highest, anonymous())
            time.sleep(0.0005)

    def sizes(self) -> float:
        self.done = True
        self.join()
        self.highest = max(self.highest, anonymous())  # on a busy machine the last look may be long ago
        return (self.highest - self.before) / SIZE


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ParameterList(nn.Parameter(torch.full((SIDE, SIDE), 0.5)) for _ in range(PARTS))


def two_checkpoints(folder: Path) -> tuple[Difference, Sources]:
    sources, content = Sources(), {}
    for name, value in (("base", 1.0), ("tuned", 1.5)):
        state = {f"parts.{i}": torch.full((SIDE, SIDE), value) for i in range(PARTS)}
        (folder / name).mkdir()
        save_file(state, folder / name / "model.safetensors")
        del state
        content[name] = TensorFiles.open(folder / name).digest()
        sources.add(content[name], folder / name)
    return Difference(**content), sources


def difference(folder: Path) -> float:
    direction, sources = two_checkpoints(folder)
    like = {f"parts.{i}": torch.zeros(()).expand(SIDE, SIDE) for i in range(PARTS)}
    peak = Peak()
    found = realise(direction, like, sources)
    sizes = peak.sizes()
    assert all(bool((t == 0.5).all()) for t in found.tensors.values())
    return sizes


def compare(folder: Path) -> float:
    """Sizes and angle of a fine-tune's move, as a diff reads them."""
    direction, sources = two_checkpoints(folder)
    like = {f"parts.{i}": torch.zeros(()).expand(SIDE, SIDE) for i in range(PARTS)}
    peak = Peak()
    found = sizes(direction, like, sources, direction)
    peaked = peak.sizes()
    assert found.cosine is not None
    assert abs(found.cosine - 1) < 1e-6
    return peaked


def write(folder: Path) -> float:
    """A checkpoint on the way, as a retraction writes it; the model itself is there before."""
    direction, sources = two_checkpoints(folder)
    module = Stack()
    peak = Peak()
    write_checkpoint(folder / "out" / "model.safetensors", module, select(module), direction, 0.5, sources)
    return peak.sizes()


def search(kind: str) -> float:
    module = Stack()

    def loss_and_grad() -> float:
        total = 0.0
        for number, part in enumerate(module.parts):
            flat = part.reshape(-1)[: 1 + number]
            loss = (1 + number) * flat.dot(flat) / 2
            loss.backward()
            total += loss.item()
        return total

    loss_and_grad()
    module.zero_grad(set_to_none=True)
    peak = Peak()
    if kind == "ascent":
        worst_case(select(module), loss_and_grad, 1.0, steps=2, restarts=1)
    else:
        top_curvature(select(module), loss_and_grad, products=2)
    return peak.sizes()


def move(draw: Drawing) -> float:
    """Two points along a Gaussian direction; the model itself is there before."""
    module = Stack()
    peak = Peak()
    moving = Moving(select(module), draw=draw)
    for alpha in (0.1, 0.2):
        moving.to(Point.along(Gaussian(seed=3), alpha))
    return peak.sizes()


def save(folder: Path) -> float:
    tensors = {f"parts.{i}": torch.full((SIDE, SIDE), 0.5) for i in range(PARTS)}
    peak = Peak()
    save_direction(tensors, folder / "one.safetensors", {"what": "halves"})
    return peak.sizes()


JOBS: dict[str, Callable[[Path], float]] = {
    "difference": difference,
    "move": lambda _: move("keep"),
    "draw again": lambda _: move("again"),
    "ascent": lambda _: search("ascent"),
    "curvature": lambda _: search("curvature"),
    "save": save,
    "sizes": compare,
    "write": write,
}


def main(place: Path) -> int:
    """One line a job, ``NAME SIZES``; 0 if every job ended well. The libraries are imported once, for all of them."""
    bad = 0
    for name, job in JOBS.items():
        (place / name).mkdir()
        child = os.fork()
        if child == 0:
            try:
                print(name, job(place / name), flush=True)  # noqa: T201
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
        bad += os.waitpid(child, 0)[1] != 0
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
