"""What two processes do in test_two_processes.py, in an empty folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from corrie.errors import InputError, ModelError, RestoreError
from corrie.models.load import from_module
from corrie.records.direction import Gaussian
from corrie.records.paths import Difference, Quantised
from corrie.records.point import Point, Step
from corrie.testing.toy_models import byte_tokenizer, toy_model, toy_module
from corrie.testing.toy_tasks import toy_choice
from corrie.verbs import scan
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.perturbed import Moving, moving, perturbed
from corrie.weights.selection import named_parameters, select
from corrie.weights.shard import local_part, whole_tensor
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles

LAWS = (("none", "filter"), ("unit", "layer"))


def sharded() -> nn.Module:
    """A tiny Llama with tied ends under FSDP2: a process has half of the rows of every tensor."""
    mesh = init_device_mesh("cpu", (2,))
    model = toy_module()
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def in_parallel() -> nn.Module:
    """The same under tensor parallelism: columns here, rows there, norms on every process, the rest no DTensor."""
    mesh = init_device_mesh("cpu", (2,))
    model = toy_module()
    for name, own in list(model.named_parameters()):
        ends = [e for e in ("q_proj", "up_proj", "o_proj", "down_proj", "norm") if f"{e}." in name]
        if ends:
            placed = Replicate() if ends == ["norm"] else Shard(0 if ends[0] in ("q_proj", "up_proj") else 1)
            owner = model.get_submodule(name.rpartition(".")[0])
            owner.weight = nn.Parameter(distribute_tensor(own.data, mesh, [placed]))
    return model


def same() -> None:
    """Names, fingerprint and identity are those of one process, and so is the norm."""
    alone = toy_model()
    for made in (sharded, in_parallel):
        model = from_module(made(), byte_tokenizer(), name=alone.identity.name)
        assert list(named_parameters(model.module)) == list(named_parameters(alone.module))
        assert model.identity == alone.identity
        assert dict(model.sources.layout.tied) == dict(alone.sources.layout.tied)


def points() -> None:
    """Every law, kept and drawn again: the numbers of one process, to the bit, and the way back is exact."""
    alone = toy_module()
    for made in (sharded, in_parallel):
        model = made()
        before = {n: local_part(p).clone() for n, p in model.named_parameters()}
        for draw in ("auto", "again"):
            with moving(select(model), draw=draw) as weights, moving(select(alone)) as others:
                for laws in LAWS:
                    steps = [Step(direction=Gaussian(seed=3, normalisation=law), alpha=0.01) for law in laws]
                    for point in (Point(steps=tuple(steps)), Point(steps=tuple(steps[:1]))):
                        found, told = weights.to(point), others.to(point)
                        assert model_fingerprint(model) == model_fingerprint(alone), (made, draw, laws)
                        assert (found.asked, found.norm) == pytest.approx((told.asked, told.norm), rel=1e-6)
        assert all(torch.equal(local_part(p), before[n]) for n, p in model.named_parameters())


def only_its_own() -> None:
    """Along the noise as it is drawn, a process draws no more than its own part."""
    model, drawn = sharded(), 0
    law = Moving.to.__globals__["realise"].__globals__["_drawn_here"]
    inner = law.__globals__["device_noise"]

    def counting(seed, name, size, device, start=0):
        nonlocal drawn
        drawn += size
        return inner(seed, name, size, device, start)

    law.__globals__["device_noise"] = counting
    try:
        with perturbed(model, Point.along(Gaussian(seed=1), 0.1)):
            assert drawn == sum(local_part(p).numel() for p in model.parameters()) < select(model).dimension
    finally:
        law.__globals__["device_noise"] = inner


def paths() -> None:
    """Rounding, and the way to a checkpoint."""
    place = Path.cwd() / f"files-{dist.get_rank()}"
    place.mkdir()
    base, tuned = toy_module(), toy_module(seed=5)
    for name, one in (("base", base), ("tuned", tuned)):
        (place / name).mkdir()
        save_file({n: p.data for n, p in named_parameters(one).items()}, place / name / "model.safetensors")
    content = {n: TensorFiles.open(place / n).digest() for n in ("base", "tuned")}
    sources = Sources()
    for name, known in content.items():
        sources.add(known, place / name)
    for made in (sharded, in_parallel):
        model = made()
        for direction in (Difference(**content), Quantised(bits=4, block=5)):
            point = Point.along(direction, 1.0)
            with moving(select(model), sources) as weights, moving(select(base), sources) as others:
                found, told = weights.to(point), others.to(point)
                assert model_fingerprint(model) == model_fingerprint(base), (made, direction)
                assert found.asked == pytest.approx(told.asked, rel=1e-6)


def scores() -> None:
    """A scan in memory, the same calls in both processes: the same scores, and FSDP2 gathers the moved weights anew."""
    alone, model = toy_model(), from_module(sharded(), byte_tokenizer(), name="toy")
    task = toy_choice(alone)
    found, told = (
        scan(m, [(task, 10)], directions=[Gaussian(seed=1), Gaussian(seed=2)], alpha="0:0.4:3") for m in (model, alone)
    )
    with pytest.raises(InputError, match="each of them would write it"):
        scan(model, [(task, 10)], directions=[Gaussian(seed=1)], alpha="0:0.4:3", to="run")
    name = task.identity.name
    for what in ("score", "loss"):
        np.testing.assert_allclose(found[name][what], told[name][what], rtol=0, atol=1e-6)
    assert np.unique(told[name]["loss"]).size > 10


def refused() -> None:
    """What needs the whole weights in one process, and two ways of sharding at once."""
    model = sharded()
    with moving(select(model)) as weights:
        with pytest.raises(InputError, match="sharded over processes"):
            _ = weights.pristine
        with pytest.raises(InputError, match="sharded over processes"):
            weights.by({})
    meshes = [init_device_mesh("cpu", (2,)), init_device_mesh("cpu", (2, 1))]
    odd = nn.ParameterList(nn.Parameter(distribute_tensor(torch.zeros(4), m, [Shard(0)] * m.ndim)) for m in meshes)
    with pytest.raises(ModelError, match="several meshes"):
        Moving(select(odd))


def spoiled() -> None:
    """A shard that does not come back is found by the process that holds it."""
    model = sharded()
    weights = Moving(select(model))
    assert whole_tensor(next(model.parameters())).shape == next(model.parameters()).shape
    if dist.get_rank() == 1:
        local_part(next(model.parameters()))[0] += 1
        with pytest.raises(RestoreError):
            weights.verify()
    else:
        weights.verify()


PARTS = (same, points, only_its_own, paths, scores, refused, spoiled)


def work(folder: Path, rank: int) -> None:
    """All of it, as one of the two, in that folder."""
    os.chdir(folder)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    with Path(f"{rank}.txt").open("w", encoding="utf-8") as said:
        for part in PARTS:
            part()
            said.write(f"{part.__name__}\n")
    dist.barrier()
