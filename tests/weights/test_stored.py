import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.models.tiny_families import MOE, moe
from torch import nn

from corrie.errors import ModelError
from corrie.testing.toy_models import toy_module
from corrie.weights.stored import StoredTensors
from corrie.weights.tensor_files import TensorFiles


def found(module: nn.Module, folder: Path) -> StoredTensors:
    return StoredTensors.of(module, TensorFiles.open(folder))


@pytest.mark.parametrize("family", MOE)
def test_experts_are_single_on_disk_and_one_tensor_in_memory(family: str, tmp_path: Path) -> None:
    """What is read is the state of the module that was saved, bit for bit, in the layout of either side."""
    saved, other = moe(family, seed=1), moe(family, seed=2)
    saved.save_pretrained(tmp_path / "single")
    state = {n: t.contiguous() for n, t in saved.state_dict().items()}
    (tmp_path / "fused").mkdir()
    save_file(state, tmp_path / "fused" / "model.safetensors")
    for layout in ("single", "fused"):
        there = found(other, tmp_path / layout)
        assert there.unknown == ()
        assert set(there.recipes) == set(state)
        for name, tensor in state.items():
            assert there.recipes[name].shape == tuple(tensor.shape)
            assert torch.equal(there.read(name), tensor)


def test_names_of_the_bare_model(tmp_path: Path) -> None:
    module: Any = toy_module("gpt2", seed=1)
    save_file({f"{n}": t.clone() for n, t in module.transformer.state_dict().items()}, tmp_path / "model.safetensors")
    there = found(toy_module("gpt2"), tmp_path)
    name = "transformer.h.1.mlp.c_fc.weight"
    assert torch.equal(there.read(name), module.state_dict()[name])
    assert there.unknown == ()


def test_experts_that_do_not_join(tmp_path: Path) -> None:
    moe("mixtral").save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    lost = next(n for n in state if re.search(r"experts\.3\.w1", n))
    del state[lost]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"experts.*do not join into model\.layers"):
        found(moe("mixtral"), tmp_path)


def test_what_is_not_there(tmp_path: Path) -> None:
    save_file({"else": torch.ones(1)}, tmp_path / "model.safetensors")
    there = found(nn.Linear(2, 2), tmp_path)
    assert there.unknown == ("else",)
    with pytest.raises(ModelError, match="weight is missing"):
        there.read("weight")
