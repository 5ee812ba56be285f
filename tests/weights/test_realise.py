import pytest
import torch

from corrie.records.direction import Gaussian, Normalisation
from corrie.testing.toy_models import toy_module
from corrie.weights.noise import gaussian_noise
from corrie.weights.realise import realise
from corrie.weights.selection import select


def tensors() -> dict[str, torch.Tensor]:
    return {n: p.data for n, p in select(toy_module()).tensors.items()}


def test_the_default_is_the_noise_itself() -> None:
    model = tensors()
    direction = realise(Gaussian(seed=4), model)
    for name, tensor in direction.tensors.items():
        drawn = torch.from_numpy(gaussian_noise(4, name, model[name].numel()))
        assert torch.equal(tensor, drawn.reshape(model[name].shape))
    flat = torch.cat([t.double().flatten() for t in direction.tensors.values()])
    assert direction.norm == pytest.approx(flat.norm().item(), rel=1e-7)


def test_the_order_of_tensors_does_not_matter() -> None:
    model = tensors()
    other = dict(reversed(model.items()))
    one, two = realise(Gaussian(seed=4), model), realise(Gaussian(seed=4), other)
    assert all(torch.equal(one.tensors[n], two.tensors[n]) for n in model)


def test_a_part_of_the_model_gets_the_same_noise_as_in_the_whole() -> None:
    model = tensors()
    name = "model.layers.1.mlp.up_proj.weight"
    part = realise(Gaussian(seed=4), {name: model[name]})
    assert torch.equal(part.tensors[name], realise(Gaussian(seed=4), model).tensors[name])


@pytest.mark.parametrize(("normalisation", "rows"), [("unit", "all"), ("layer", "tensor"), ("filter", "row")])
def test_normalisations_have_the_norms_they_promise(normalisation: Normalisation, rows: str) -> None:
    model = tensors()
    direction = realise(Gaussian(seed=4, normalisation=normalisation), model)
    raw = realise(Gaussian(seed=4), model)
    for name, tensor in direction.tensors.items():
        cosine = torch.nn.functional.cosine_similarity
        if rows == "row" and tensor.dim() > 1:
            torch.testing.assert_close(tensor.norm(dim=1), model[name].norm(dim=1))
            torch.testing.assert_close(cosine(tensor, raw.tensors[name], dim=1), torch.ones(tensor.shape[0]))
        elif rows != "all":
            torch.testing.assert_close(tensor.norm(), model[name].norm())
            torch.testing.assert_close(cosine(tensor.flatten(), raw.tensors[name].flatten(), dim=0), torch.tensor(1.0))
    if rows == "all":
        assert direction.norm == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("normalisation", ["layer", "filter"])
def test_tensors_of_zeros_stay_where_they_are(normalisation: Normalisation) -> None:
    direction = realise(Gaussian(seed=0, normalisation=normalisation), {"b": torch.zeros(5), "w": torch.zeros(2, 3)})
    assert direction.norm == 0.0
