"""Subspaces that are written into the weights: what is written, and that it is a function of x alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.subspace import FullSpace, RandomSpace, SubspaceNoise
from corrie.subspaces.space import added, draw_noise, fine_lattice, length, rounded
from corrie.subspaces.written_space import WrittenSpace, full_space, random_space, root_mean_squares
from corrie.testing.toy_models import toy_model
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.noise import gaussian_noise

SIGMA = 0.01


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.selection.tensors.items()}


def noise(space: WrittenSpace, seed: int, lattice: int | None) -> dict[str, torch.Tensor]:
    return draw_noise(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=seed, lattice=lattice), SIGMA)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_full_space_on_a_lattice_is_exact_before_the_cast(dtype: torch.dtype) -> None:
    model = toy_model(dtype=dtype)
    before, first = model_fingerprint(model.module), weights(model)
    e = fine_lattice(SIGMA)
    space = full_space(model.selection, FullSpace(), e)
    eps = noise(space, 5, e)
    with space.lent(1) as lent:
        lent.put([eps])
        for name, found in weights(model).items():
            base = np.rint(first[name].double().numpy() / 2.0**e) * 2.0**e
            total = base + eps[name].double().numpy()
            assert np.array_equal(total / 2.0**e, np.rint(total / 2.0**e)), "the sum stayed on the lattice"
            assert torch.equal(found, torch.from_numpy(total).to(dtype))
    assert model_fingerprint(model.module) == before


@pytest.mark.parametrize("kind", ["full", "full/rms", "random"])
def test_the_weights_are_a_function_of_x_alone(kind: str) -> None:
    """x' + ε reached as a float64 sum, and the same x as float32 noise would have it: the same bits."""
    model = toy_model()
    e = fine_lattice(SIGMA)
    space = {
        "full": lambda: full_space(model.selection, FullSpace(), e),
        "full/rms": lambda: full_space(model.selection, FullSpace(scale="rms")),
        "random": lambda: random_space(model.selection, RandomSpace(count=3)),
    }[kind]()
    eps, place = noise(space, 1, e), rounded(noise(space, 2, None), e)
    total = {n: (eps[n].double() + place[n].double()).float() for n in eps}
    assert all(torch.equal(total[n].double(), eps[n].double() + place[n].double()) for n in eps), "float32 holds it"
    found = []
    with space.lent(1) as lent:
        for x in (added([(eps, 1.0), (place, 1.0)]), total):
            lent.put([x])
            found.append(weights(model))
    assert all(torch.equal(found[0][n], found[1][n]) for n in found[0])


def test_units_of_root_mean_square() -> None:
    model = toy_model()
    first = weights(model)
    space = full_space(model.selection, FullSpace(scale="rms"))
    x = noise(space, 3, None)
    sizes = root_mean_squares(model.selection)
    with space.lent(1) as lent:
        lent.put([x])
        for name, found in weights(model).items():
            size = float(first[name].double().square().mean().sqrt())
            assert sizes[name] == pytest.approx(size, rel=1e-5)
            torch.testing.assert_close(found - first[name], x[name] * size, rtol=1e-3, atol=1e-6)


def test_a_tensor_of_zeros_has_no_size() -> None:
    with pytest.raises(InputError, match="all zeros"):
        full_space(toy_model("gpt2").selection, FullSpace(scale="rms"))


def test_random_directions() -> None:
    model = toy_model()
    space = random_space(model.selection, RandomSpace(count=2, seed=4))
    moved = space.tensors({"random": torch.tensor([0.0, 2.0])})
    size = model.selection.dimension**0.5
    for name, tensor in moved.items():
        wanted = gaussian_noise(5, name, tensor.numel()) * 2 / size
        np.testing.assert_allclose(tensor.reshape(-1).numpy(), wanted, rtol=1e-5, atol=1e-8)
    assert length(moved) == pytest.approx(2, rel=0.02)


def test_at_the_model_itself_nothing_is_swallowed(recwarn: pytest.WarningsRecorder) -> None:
    model = toy_model()
    space = full_space(model.selection, FullSpace(), fine_lattice(SIGMA))
    with space.lent(1) as lent:
        (here,) = lent.put([{n: torch.zeros(s) for n, s in space.shapes.items()}])
    assert (here.asked, here.cosine) == (0.0, None)
    assert not [w for w in recwarn if "rounds it away" in str(w.message)]


def test_restored_bit_for_bit_after_an_error() -> None:
    model = toy_model()
    before = model_fingerprint(model.module)
    space = full_space(model.selection, FullSpace(), fine_lattice(SIGMA))
    half = dict(list(noise(space, 0, None).items())[:5])
    with pytest.raises(KeyError), space.lent(1) as lent:
        lent.put([half])
    assert model_fingerprint(model.module) == before
