from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from corrie.errors import InputError, ModelError
from corrie.records.paths import Difference
from corrie.records.point import Point, Step
from corrie.testing.toy_models import toy_model, toy_module
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.perturbed import moving
from corrie.weights.realise import realise
from corrie.weights.selection import named_parameters, select
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles


def saved(folder: Path, seed: int, sources: Sources, dtype: torch.dtype = torch.float32) -> str:
    folder.mkdir()
    state = {n: p.detach().to(dtype) for n, p in named_parameters(toy_module(seed=seed)).items()}
    save_file(state, folder / "model.safetensors")
    content = TensorFiles.open(folder).digest()
    sources.add(content, folder)
    return content


def test_two_checkpoints_on_disk(tmp_path: Path) -> None:
    sources = Sources()
    record = Difference(base=saved(tmp_path / "a", 1, sources), tuned=saved(tmp_path / "b", 2, sources))
    one, two = named_parameters(toy_module(seed=1)), named_parameters(toy_module(seed=2))
    found = realise(record, {n: p.data for n, p in named_parameters(toy_module(seed=0)).items()}, sources)
    for name, delta in found.tensors.items():
        assert torch.equal(delta, two[name] - one[name])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_end_of_the_path_is_the_tuned_model(tmp_path: Path, dtype: torch.dtype) -> None:
    """In bfloat16 to the bit; in float32 up to the rounding of the difference."""
    model = toy_model(seed=0, dtype=dtype)
    tuned = saved(tmp_path / "b", 2, model.sources)
    record = Difference(base=model.identity.fingerprint, tuned=tuned)
    wanted = named_parameters(toy_module(seed=2).to(dtype))
    before = model_fingerprint(model.module)
    with moving(model.selection, model.sources) as weights:
        weights.to(Point.along(record, 1.0))
        for name, parameter in named_parameters(model.module).items():
            if dtype == torch.bfloat16:
                assert (parameter == wanted[name]).float().mean() > 0.999
            torch.testing.assert_close(parameter, wanted[name], rtol=1e-2 if dtype == torch.bfloat16 else 0, atol=1e-6)
        half = weights.to(Point.along(record, 0.5))
    assert model_fingerprint(model.module) == before
    assert 0 < half.norm == pytest.approx(half.asked, rel=1e-2)


def test_stored_precision_does_not_matter_to_shape_or_name(tmp_path: Path) -> None:
    sources = Sources(own="f" * 64)
    record = Difference(base="f" * 64, tuned=saved(tmp_path / "b", 2, sources, torch.bfloat16))
    pristine = {n: p.data for n, p in named_parameters(toy_module(seed=0)).items()}
    found = realise(record, pristine, sources)
    name = "model.layers.1.mlp.up_proj.weight"
    wanted = named_parameters(toy_module(seed=2))[name].bfloat16().float() - pristine[name]
    assert torch.equal(found.tensors[name], wanted)
    assert found.tensors[name].dtype == torch.float32


def test_only_what_is_selected_is_read(tmp_path: Path) -> None:
    sources = Sources(own="f" * 64)
    record = Difference(base="f" * 64, tuned=saved(tmp_path / "b", 2, sources))
    spec = toy_model().selection.spec.model_copy(update={"include": ("*.v_proj.weight",)})
    some = {n: p.data for n, p in select(toy_module(), spec).tensors.items()}
    assert set(realise(record, some, sources).tensors) == set(some)


def test_a_plane_of_two_kinds(tmp_path: Path) -> None:
    from corrie.records.direction import Gaussian

    model = toy_model(seed=0)
    record = Difference(base=model.identity.fingerprint, tuned=saved(tmp_path / "b", 2, model.sources))
    plane = Point(steps=(Step(direction=record, alpha=0.5), Step(direction=Gaussian(seed=1), alpha=0.01)))
    with moving(model.selection, model.sources) as weights:
        assert weights.to(plane).cosine == pytest.approx(1.0, abs=1e-5)


def test_the_same_weights_are_no_direction(tmp_path: Path) -> None:
    sources = Sources(own="f" * 64)
    record = Difference(base="f" * 64, tuned=saved(tmp_path / "a", 0, sources))
    with pytest.raises(InputError, match="it moves nothing"):
        realise(record, {n: p.data for n, p in named_parameters(toy_module(seed=0)).items()}, sources)


def test_what_is_not_at_hand_or_was_changed(tmp_path: Path) -> None:
    sources = Sources(own="f" * 64)
    record = Difference(base="f" * 64, tuned=saved(tmp_path / "a", 1, sources), tuned_name="chat")
    pristine = {n: p.data for n, p in named_parameters(toy_module()).items()}
    with pytest.raises(InputError, match=r"chat.*are there"):
        realise(record, pristine)
    with pytest.raises(ModelError, match="other is missing"):
        realise(record, {"other": torch.ones(1)}, sources)
    save_file({"a": torch.ones(1)}, tmp_path / "a" / "model.safetensors")
    with pytest.raises(InputError, match="was changed since"):
        realise(record, pristine, sources)
