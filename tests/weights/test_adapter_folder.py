from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.errors import InputError
from corrie.records.subspace import SubspaceNoise
from corrie.testing.toy_models import Architecture, toy_module
from corrie.weights.adapter_folder import write_adapter
from corrie.weights.row_space import Free, random_rows
from corrie.weights.space import draw

ids = torch.tensor([[5, 6, 7, 8, 9]])


@pytest.mark.parametrize("free", ["up", "core"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_peft_computes_what_the_rows_compute(tmp_path: Path, architecture: Architecture, free: Free) -> None:
    from peft import PeftModel

    module: Any = toy_module(architecture)
    space = random_rows(module, "all", 2, free=free)
    noise = draw(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=0), 0.3)
    with torch.no_grad(), space.lent(1) as places:
        places.put([noise])
        wanted = module(ids).logits
    folder = write_adapter(space, noise, tmp_path / "adapter", "toy")
    with torch.no_grad():
        found = PeftModel.from_pretrained(toy_module(architecture), folder)(ids).logits
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_without_coordinates_it_is_the_model_itself(tmp_path: Path) -> None:
    from peft import PeftModel

    module: Any = toy_module()
    folder = write_adapter(random_rows(module, "q_proj", 1), None, tmp_path / "adapter", "toy")
    with torch.no_grad():
        wanted = module(ids).logits
        assert torch.equal(PeftModel.from_pretrained(toy_module(), folder)(ids).logits, wanted)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    with pytest.raises(InputError, match="something is there already"):
        write_adapter(random_rows(toy_module(), "q_proj", 1), None, tmp_path / "there", "toy")
    assert (tmp_path / "there" / "file").read_text() == "mine"
    assert [f.name for f in tmp_path.iterdir()] == ["there"], "no temporary folder is left"
