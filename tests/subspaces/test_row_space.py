"""Rows with low-rank changes of their own, against writing each change into the weights of a model of its own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from corrie.errors import InputError, UnknownName
from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.records.subspace import SubspaceNoise
from corrie.subspaces.row_layers import linear_layers
from corrie.subspaces.row_space import FixedMatrices, LowRankSpace, coordinate_name, random_rows
from corrie.subspaces.space import Coords, draw_noise, length
from corrie.testing.toy_models import toy_model, toy_module
from corrie.weights.fingerprint import model_fingerprint

QUESTIONS = [
    Question("a shared beginning and one:", (" two", " three four")),
    Question("a shared beginning and six:", (" seven", " two")),
]
SPACES = {"every layer": ("all", 2, "up"), "few numbers": ("all", 1, "core"), "above a trunk": ("*.1.*", 2, "up")}


def spaced(architecture: str, case: str) -> tuple[Model, LowRankSpace, list[Coords]]:
    model = toy_model(architecture)  # type: ignore[arg-type]
    assert model.packed, "asked while nothing hangs on the model"
    layers, rank, free = SPACES[case]
    space = random_rows(model.module, layers, rank, free=free)  # type: ignore[arg-type]
    places = [draw_noise(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=s), 0.3) for s in range(3)]
    return model, space, places


def written(architecture: str, space: LowRankSpace, place: Coords) -> Model:
    """The slow way: a model whose weights hold the change."""
    model = toy_model(architecture)  # type: ignore[arg-type]
    layers = linear_layers(model.module)
    for name in space.fixed:
        change = space.change(name, place[coordinate_name(name, space.spec.free)]).float()
        weight: torch.Tensor = layers[name].weight  # type: ignore[assignment]
        weight.data += change if isinstance(layers[name], nn.Linear) else change.T
    return model


@pytest.mark.parametrize("case", SPACES)
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_each_row_reads_and_writes_as_a_model_with_its_change(architecture: str, case: str) -> None:
    model, space, places = spaced(architecture, case)
    before = model_fingerprint(model.module)
    alone = model.reader().read(QUESTIONS)[0][0].log_likelihood
    with space.lent(3) as lent:
        realised = lent.put(places)
        readers = model.row_readers(3)
        read = [reader.read(QUESTIONS, "a shared beginning") for reader in readers]
        wrote = [reader.write(["say this", "and more than that"], 5) for reader in readers]
    moved = []
    for place, rows, texts, taken in zip(places, read, wrote, realised, strict=True):
        reference = written(architecture, space, place).reader()
        for found, wanted in zip(rows, reference.read(QUESTIONS), strict=True):
            for one, other in zip(found, wanted, strict=True):
                assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=2e-3)
        assert texts == reference.write(["say this", "and more than that"], 5)
        assert taken.asked == pytest.approx(space.norm(place))
        moved.append(rows[0][0].log_likelihood)
    assert min(abs(a - b) for a, b in zip(moved, [*moved[1:], alone], strict=True)) > 0.01, "the rows differ"
    assert model_fingerprint(model.module) == before
    assert model.reader().read(QUESTIONS)[0][0].log_likelihood == alone, "nothing hangs on the model afterwards"


def test_a_place_reads_the_same_in_every_row_up_to_last_digits() -> None:
    model, space, places = spaced("llama", "every layer")
    found: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for order in ([0, 1, 2], [2, 0, 1], [1, 1, 0]):
        with space.lent(3) as lent:
            lent.put([places[i] for i in order])
            for i, reader in zip(order, model.row_readers(3), strict=True):
                found[i].append(reader.read(QUESTIONS)[1][0].log_likelihood)
    assert all(max(values) - min(values) < 1e-4 for values in found.values())


def test_fewer_places_than_rows_are_filled_up() -> None:
    model, space, places = spaced("llama", "every layer")
    with space.lent(3) as lent:
        assert len(lent.put(places[:1])) == 1
        read = [r.read(QUESTIONS)[0][0].log_likelihood for r in model.row_readers(3)]
        assert max(read) - min(read) < 1e-4


def test_gradients_flow_to_the_places() -> None:
    """∂/∂B at B = 0 is s·(∂/∂W) Aᵀ, which the model's own gradient gives."""
    module = toy_module()
    drawn = random_rows(module, "q_proj", 2)
    fixed = {n: FixedMatrices(one.down, scale=2.0) for n, one in drawn.fixed.items()}
    space = LowRankSpace.of(module, fixed)
    ids = torch.arange(12)[None] + 20
    coordinates = {n: torch.zeros(1, *shape, requires_grad=True) for n, shape in space.shapes.items()}
    with space.lent(1) as lent:
        lent.put_tensors(coordinates)  # type: ignore[attr-defined]
        module(input_ids=ids, labels=ids).loss.backward()
    layers = linear_layers(module)
    for layer, one in fixed.items():
        weight: torch.Tensor = layers[layer].weight  # type: ignore[assignment]
        assert weight.grad is not None
        found = coordinates[f"{layer}.lora_B"].grad
        assert found is not None
        assert found.abs().max() > 1e-6
        torch.testing.assert_close(found[0], 2.0 * weight.grad @ one.down.T, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("case", ["every layer", "few numbers"])
def test_norm_is_that_of_the_weight_change(case: str) -> None:
    _, space, places = spaced("gpt2", case)
    changes = [space.change(n, places[0][coordinate_name(n, space.spec.free)]) for n in space.fixed]
    assert space.norm(places[0]) == pytest.approx(math.sqrt(sum(float(c.square().sum()) for c in changes)))


def test_with_orthonormal_rows_the_two_norms_agree() -> None:
    module = toy_module()
    drawn = random_rows(module, "q_proj", 3)
    fixed = {n: FixedMatrices(torch.linalg.qr(one.down.T).Q.T.contiguous()) for n, one in drawn.fixed.items()}
    space = LowRankSpace.of(module, fixed)
    place = draw_noise(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=1), 1.0)
    assert space.norm(place) == pytest.approx(length(place), rel=1e-5)


def test_the_record_names_what_is_fixed() -> None:
    module = toy_module()
    one, again, other = (random_rows(module, "q_proj", 1, seed) for seed in (0, 0, 1))
    assert one.spec == again.spec
    assert one.spec.id != other.spec.id
    doubled = {n: FixedMatrices(f.down, scale=2.0) for n, f in one.fixed.items()}
    assert LowRankSpace.of(module, doubled).spec.id != one.spec.id
    assert (other.spec.name, one.spec.rank, one.spec.layers) == ("adapter:q_proj:1:seed1", 1, 2)


def test_what_is_refused() -> None:
    module = toy_module()
    with pytest.raises(UnknownName, match="Did you mean 'q_proj'"):
        random_rows(module, "q_prj", 1)
    for rank in (0, -1, 33):
        with pytest.raises(InputError, match=f"rank {rank}"):
            random_rows(module, "q_proj", rank)
    with pytest.raises(InputError, match="dimension 0"):
        LowRankSpace.of(module, {})
    with pytest.raises(InputError, match="no linear layer"):
        LowRankSpace.of(module, {"model.layers.9.q": FixedMatrices(torch.ones(1, 32))})
    with pytest.raises(InputError, match="other shapes"):
        LowRankSpace.of(module, {"model.layers.0.self_attn.q_proj": FixedMatrices(torch.ones(1, 31))})


def test_an_error_inside_takes_the_changes_away() -> None:
    model, space, places = spaced("llama", "every layer")
    alone = model.reader().read(QUESTIONS)[0][0].log_likelihood
    with pytest.raises(TypeError), space.lent(3) as lent:
        lent.put([*places, "no place"])  # type: ignore[list-item]
    assert model.reader().read(QUESTIONS)[0][0].log_likelihood == alone
