import numpy as np
import pytest
import scipy.linalg
import torch

from corrie.errors import InputError
from corrie.subspaces.protected import RIDGE, listening, protected_matrices
from corrie.subspaces.row_layers import find_layers
from corrie.testing.toy_models import toy_module


def energy(width: int, seed: int = 0) -> torch.Tensor:
    tokens = torch.randn(200, width, generator=torch.Generator().manual_seed(seed)) * torch.linspace(0.1, 2, width)
    return tokens.T @ tokens


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
@pytest.mark.parametrize("rank", [1, 3])
def test_the_matrices_are_the_top_generalised_eigenvectors(shape: tuple[int, int], rank: int) -> None:
    """The slow reference: scipy's solver of GᵀG a = μ (C + λI) a."""
    out, into = shape
    gradient = torch.randn(out, into, generator=torch.Generator().manual_seed(1))
    felt = energy(into)
    size = float(felt.diagonal().mean())
    _, vectors = scipy.linalg.eigh(
        (gradient.T @ gradient).double().numpy(), (felt.double() / size + RIDGE * torch.eye(into)).numpy()
    )
    wanted = vectors[:, ::-1][:, :rank]
    core = protected_matrices({"one": felt}, {"one": gradient}, rank, free="core")["one"]
    assert core.up is not None
    for row, best, u in zip(core.down.numpy(), wanted.T, core.up.numpy().T, strict=True):
        assert abs(row @ best) / np.linalg.norm(best) == pytest.approx(1, abs=1e-5)
        image = gradient.numpy() @ best
        assert abs(u @ image) / np.linalg.norm(image) == pytest.approx(1, abs=1e-5)
    adapter = protected_matrices({"one": felt}, {"one": gradient}, rank)["one"]
    assert adapter.up is None
    np.testing.assert_allclose(adapter.down @ adapter.down.T, np.eye(rank), atol=1e-6)
    reached = np.linalg.lstsq(adapter.down.numpy().T, wanted, rcond=None)[0]
    np.testing.assert_allclose(adapter.down.numpy().T @ reached, wanted, atol=1e-4)


def test_without_a_fine_tune_the_silent_directions_are_taken() -> None:
    felt = torch.diag(torch.tensor([3.0, 1e-4, 2.0, 1e-5]))
    down = protected_matrices({"one": felt}, None, 2)["one"].down
    assert down[:, [1, 3]].square().sum() == pytest.approx(2, abs=1e-6)


def test_listening_hears_every_token_once_and_leaves_nothing_behind() -> None:
    module = toy_module()
    layers = find_layers(module, "down_proj")
    ids = torch.tensor([[1, 2, 3, 4]])
    inputs: list[torch.Tensor] = []
    name = next(iter(layers))
    handle = layers[name].register_forward_pre_hook(lambda _, found: inputs.append(found[0].detach()))
    with torch.no_grad(), listening(layers) as received:
        module(ids)
    handle.remove()
    tokens = inputs[0][0]
    torch.testing.assert_close(received[name], sum(torch.outer(t, t) for t in tokens), atol=1e-5, rtol=1e-4)
    assert not any(layer._forward_pre_hooks for layer in layers.values())


def test_what_cannot_be_protected() -> None:
    with pytest.raises(InputError, match="no fine-tune to take its U from"):
        protected_matrices({"one": torch.eye(3)}, None, 1, free="core")
    with pytest.raises(InputError, match="no prompt reached"):
        protected_matrices({"one": torch.zeros(3, 3)}, None, 1)
    with pytest.raises(InputError, match="takes 1 to 3"):
        protected_matrices({"one": torch.eye(3)}, {"one": torch.ones(2, 3)}, 4)
