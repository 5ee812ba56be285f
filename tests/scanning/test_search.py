"""The search over a task's loss: against autograd, against random directions, and as a direction of a scan."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import corrie
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.direction import Gaussian
from corrie.records.model import SelectionSpec
from corrie.records.point import Point
from corrie.scanning.search import FoundDirection, Search
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.perturbed import perturbed
from corrie.weights.saved import save_direction
from corrie.weights.tensor_files import TensorFiles

LIMIT = 6


@pytest.fixture(scope="module")
def task():
    return toy_choice(size=20)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def plain_loss(model: Model, task) -> torch.Tensor:
    """The slow reference: one row for each example, all logits."""
    reader, losses = model.reader(), []
    for i in range(LIMIT):
        (sequence,) = model.sequences(task.right(reader, i))
        ids = torch.tensor([sequence.ids])
        logits = model.module(input_ids=ids).logits[0, sequence.start - 1 : -1]
        losses.append(cross_entropy(logits, ids[0, sequence.start :]))
    return torch.stack(losses).mean()


def kept(found: FoundDirection) -> dict[str, torch.Tensor]:
    files = TensorFiles.open(found.file)
    return {n: files.read(n) for n in files.files}


def test_the_gradient_is_autograd_s(model: Model, task, tmp_path: Path) -> None:
    found = Search.of(model, task, LIMIT, distance=0.3, method="gradient").run(tmp_path / "g.safetensors")
    wanted = torch.autograd.grad(plain_loss(model, task), list(model.selection.tensors.values()))
    length = math.sqrt(sum(float(g.square().sum()) for g in wanted))
    tensors = kept(found)
    for (name, _), gradient in zip(model.selection.tensors.items(), wanted, strict=True):
        expected = gradient * math.sqrt(model.identity.dimension) / length
        assert torch.allclose(tensors[name], expected, atol=1e-3)
    assert found.before == pytest.approx(float(plain_loss(model, task)), abs=1e-4)
    assert found.how == "one step along the gradient"


def test_the_top_of_the_hessian_is_autograd_s(task, tmp_path: Path) -> None:
    """In the 32 weights of the last norm the whole Hessian can be written down."""
    name = "model.norm.weight"
    model = toy_model(selection=SelectionSpec(include=(name,)))
    weight = model.selection.tensors[name]

    def loss(at: torch.Tensor) -> torch.Tensor:
        swapped = {n: at if n == name else p for n, p in model.module.named_parameters()}
        model_of = model.module
        reader, losses = model.reader(), []
        for i in range(LIMIT):
            (sequence,) = model.sequences(task.right(reader, i))
            ids = torch.tensor([sequence.ids])
            out = torch.func.functional_call(model_of, swapped, kwargs={"input_ids": ids})
            losses.append(cross_entropy(out.logits[0, sequence.start - 1 : -1], ids[0, sequence.start :]))
        return torch.stack(losses).mean()

    hessian = torch.autograd.functional.hessian(loss, weight.detach().clone())
    values, vectors = np.linalg.eigh(np.asarray(hessian))
    top = torch.tensor(vectors[:, -1].copy())
    found = Search.of(model, task, LIMIT, distance=0.5, method="hessian").run(tmp_path / "h.safetensors")
    vector = kept(found)[name] / math.sqrt(32)
    assert abs(float(vector @ top)) == pytest.approx(1.0, abs=0.02)
    assert f"λ = {values[-1]:.2g}"[:8] in found.how
    sides = [float(loss(weight.detach() + s * 0.5 * vector)) for s in (1, -1)]
    assert found.after == pytest.approx(sides[0], abs=1e-3)
    assert sides[0] >= sides[1], "it looks to the side on which the loss is higher"


def test_a_climb_beats_its_first_step_which_beats_random_directions(model: Model, task, tmp_path: Path) -> None:
    before = model_fingerprint(model.module)
    asked = {"distance": 2.0}
    step = Search.of(model, task, LIMIT, method="gradient", **asked).run(tmp_path / "g.safetensors")
    climb = Search.of(model, task, LIMIT, steps=8, restarts=1, **asked).run(tmp_path / "a.safetensors")
    loss = TaskLoss(model, task, LIMIT)
    noise = []
    for seed in range(5):
        with perturbed(model, Point.along(Gaussian(seed=seed), climb.spec.sigma)):
            noise.append(loss.mean())
    assert max(noise) < step.after < climb.after
    assert step.before == climb.before == pytest.approx(loss.mean(), abs=1e-5)
    assert model_fingerprint(model.module) == before
    assert "random 0" in climb.how
    assert "a lower bound" in str(climb).lower()


def test_it_is_a_direction_like_any_other(model: Model, task, tmp_path: Path) -> None:
    """At α = σ-equivalent the scan finds the loss that the search did, at the distance it was searched at."""
    found = corrie.worst(model, (task, LIMIT), distance=1.5, out=tmp_path / "worst.safetensors", steps=4)
    alpha = found.spec.sigma
    landscape = corrie.scan(
        model, [(task, LIMIT)], directions=[corrie.saved(model, found.file)], alpha=f"0:{alpha!r}:2"
    )
    grid = landscape["toy"]
    assert float(grid.loss.isel(alpha=0).mean()) == pytest.approx(found.after, abs=1e-3)
    assert float(grid.distance.values[0, 0]) == pytest.approx(1.5, rel=1e-4)
    assert landscape.directions[0].id == found.record.id
    assert "ascent for toy:6" in corrie.saved(model, found.file).origin


def test_the_same_search_is_not_searched_for_again(model: Model, task, tmp_path: Path) -> None:
    file = tmp_path / "worst.safetensors"
    looks: list[int] = []

    def on_look(look: int, loss: float) -> None:
        looks.append(look)

    first = Search.of(model, task, LIMIT, distance=1.0, steps=2).run(file, on_look)
    assert looks == list(range(1, len(looks) + 1))
    done = len(looks)
    assert Search.of(model, task, LIMIT, distance=1.0, steps=2).run(file, on_look) == first
    assert len(looks) == done
    with pytest.raises(InputError, match="another direction is there"):
        Search.of(model, task, LIMIT, distance=1.0, steps=3).run(file)
    other = tmp_path / "ones.safetensors"
    save_direction({"w": torch.ones(2)}, other, {"what": "ones"})
    with pytest.raises(InputError, match="another direction is there"):
        Search.of(model, task, LIMIT, distance=1.0, steps=3).run(other)
    with pytest.raises(InputError, match="does not end in"):
        Search.of(model, task, LIMIT, distance=1.0).run(tmp_path / "worst.bin")
