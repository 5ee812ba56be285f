"""What two processes do in test_shard.py. A program, which has the libraries for both: FOLDER."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from corrie.errors import InputError
from corrie.optim import GO, Ball
from corrie.optim.noise import gaussian_quadruples
from corrie.optim.placing import Placement, place

SIGMA = 0.05


class Small(nn.Module):
    """Three layers; the rows do not divide by two, and one tensor has a single row."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 5)
        self.second = nn.Linear(5, 7)
        self.last = nn.Linear(7, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))


def sharded() -> nn.Module:
    model = Small()
    mesh = init_device_mesh("cpu", (2,))
    fully_shard(model.second, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def full(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach()
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor.clone()


def weights_seen(model: nn.Module) -> list[torch.Tensor]:
    """A list that grows by the weights each layer computes with, in training mode."""
    seen: list[torch.Tensor] = []

    def record(layer: nn.Module, args: object) -> None:
        if layer.training:
            seen.extend(p.detach().clone() for p in layer.parameters())

    for layer in model.children():
        layer.register_forward_pre_hook(record)
    return seen


def train(model: nn.Module, way: str, relative: bool = False) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Four steps of two micro-batches; the weights that the passes saw, and those at the end."""
    sigma = 0.5 if relative else SIGMA
    go = GO(torch.optim.AdamW(model.parameters(), lr=0.01), sigma=sigma, relative=relative, seed=7)
    if way == "attach":
        go.attach(model)
    seen = weights_seen(model)
    data = torch.Generator().manual_seed(1)
    for _ in range(4):
        go.zero_grad()
        for _ in range(2):
            x = torch.randn(8, 6, generator=data)
            with torch.no_grad():  # an evaluation in between: FSDP2 keeps the root's weights gathered after it
                model.eval()
                before = model(x)
            model.train()
            clean = [full(p) for p in model.parameters()]
            if way == "attach":
                model(x).square().mean().backward()
            else:
                with go.perturbed(model):
                    model(x).square().mean().backward()
            assert all(torch.equal(a, full(b)) for a, b in zip(clean, model.parameters(), strict=True))
            with torch.no_grad():
                assert torch.equal(model.eval()(x), before)
            model.train()
            if isinstance(model, FSDPModule):
                model.reshard()  # FSDP2 asks for it when the weights are updated right after an evaluation
        go.step()
    return seen, [full(p) for p in model.parameters()]


def fsdp() -> None:
    """FSDP2: ε, and all that follows from it, is the unsharded model's."""
    for way in ("perturbed", "attach"):
        for relative in (False, True):
            seen, end = train(sharded(), way, relative)
            seen_alone, end_alone = train_alone(way, relative)
            assert len(seen) == 4 * 2 * 6
            for a, b in zip(seen[:6], seen_alone[:6], strict=True):  # before the first step: the same θ
                assert torch.equal(a, b) or (relative and torch.allclose(a, b, atol=1e-6)), (way, relative, "noise")
            for a, b in zip(seen, seen_alone, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
            for a, b in zip(end, end_alone, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def train_alone(way: str, relative: bool) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The same in this process only. replica=0: torch.distributed runs, and would otherwise give its rank."""
    rank = dist.get_rank
    dist.get_rank = lambda group=None: 0 if group is None else rank(group)
    try:
        return train(Small(), way, relative)
    finally:
        dist.get_rank = rank


def attached_first() -> None:
    """attach() before fully_shard(), as when a Trainer shards: FSDP2's hooks would run before GO's."""
    mesh = init_device_mesh("cpu", (2,))
    for warned in (True, False):
        model = Small()
        go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=SIGMA, seed=7).attach(model)
        fully_shard(model.second, mesh=mesh)
        fully_shard(model, mesh=mesh)
        go.param_groups[0]["params"] = list(model.parameters())  # as accelerate does
        if warned:
            with pytest.raises(InputError, match="after fully_shard"):
                model(torch.ones(2, 6))
            continue
        go.zero_grad()  # or train(), which a Trainer calls
        seen = weights_seen(model)
        model(torch.ones(2, 6)).mean().backward()
        go.step()
        alone, _ = train_alone("perturbed", relative=False)
        assert all(torch.equal(a, b) for a, b in zip(seen, alone[:6], strict=True))


def columns() -> None:
    """Tensors sharded in columns get their part of the same noise."""
    mesh = init_device_mesh("cpu", (2,))
    whole = nn.Parameter(torch.zeros(6, 10))
    place([(Placement(whole, 3), 1.0, (0, 0, 0))])
    for placement in (Shard(0), Shard(1)):
        part = nn.Parameter(distribute_tensor(torch.zeros(6, 10), mesh, [placement]))
        moved = Placement(part, 3)
        place([(moved, 1.0, (0, 0, 0))])
        assert torch.equal(full(part), whole.data), placement
        moved.restore()
        assert torch.equal(full(part), torch.zeros(6, 10))


def ball() -> None:
    """Distance and projection of shards are those of the whole."""
    model, alone = sharded(), Small()
    balls = [Ball(m.parameters(), radius=1.0) for m in (model, alone)]
    with torch.no_grad():
        for m in (model, alone):
            for p in m.parameters():
                p.mul_(3.0)
    results = [b.project() for b in balls]
    assert abs(results[0].before - results[1].before) < 1e-9 * results[1].before
    assert all(b.distance() <= 1.0 for b in balls)
    for p, q in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(full(p), q.data)


def ddp() -> None:
    """DDP: each rank has its own ε, and the weights stay the same on all."""
    model = nn.parallel.DistributedDataParallel(Small())
    go = GO(torch.optim.AdamW(model.parameters(), lr=0.01), sigma=SIGMA).attach(model.module)
    for step in range(3):
        go.zero_grad()
        loss = model(torch.ones(2, 6)).mean()
        if step == 0:
            noisy = [torch.empty(5, 6) for _ in range(2)]
            dist.all_gather(noisy, model.module.first.weight.detach().contiguous())
            assert not torch.equal(*noisy), "two ranks drew the same noise"
        loss.backward()
        go.step()
    weights = [torch.empty(5, 6) for _ in range(2)]
    dist.all_gather(weights, model.module.first.weight.detach().contiguous())
    assert torch.equal(*weights)


def work(folder: Path, rank: int) -> None:
    """All of it as one of the two, with a line for each part in a file of its own."""
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    with (folder / f"rank-{rank}.txt").open("w", encoding="utf-8") as done:
        for part in (fsdp, attached_first, columns, ball, ddp):
            part()
            done.write(f"{part.__name__}\n")
    dist.barrier()


def main(folder: Path) -> int:
    """0 if both ended well. What a process forks before torch has computed anything is as one that was started."""
    gaussian_quadruples()
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            try:
                work(folder, rank)
                os._exit(0)  # gloo's threads sometimes abort the interpreter while it shuts down; all is checked
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
        children.append(child)
    bad = 0
    while children:
        child, status = os.wait()
        children.remove(child)
        bad += status != 0
        for other in children if status else ():
            os.kill(other, signal.SIGKILL)  # it would wait for the one that failed
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
