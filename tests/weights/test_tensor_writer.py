from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from corrie.errors import StorageError
from corrie.weights.tensor_writer import write_tensors

TENSORS = {
    "half": torch.linspace(-3, 3, 7).bfloat16(),
    "matrix": torch.arange(6.0).reshape(2, 3),
    "number": torch.tensor(2.5),
    "count": torch.arange(3),
    "flag": torch.tensor([True, False]),
    "none": torch.zeros(0, 4),
    "turned": torch.arange(6.0).reshape(2, 3).T,
}
OUTLINE = {n: (t.dtype, tuple(t.shape)) for n, t in TENSORS.items()}


def test_the_library_reads_what_was_written(tmp_path: Path) -> None:
    write_tensors(tmp_path / "new" / "all.safetensors", OUTLINE, TENSORS.items(), {"format": "pt"})
    found = load_file(tmp_path / "new" / "all.safetensors")
    assert set(found) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_an_error_in_the_midst_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, Tensor]]:
        yield "half", TENSORS["half"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tensors(tmp_path / "all.safetensors", OUTLINE, broken(), {})
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_announced_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="announced"):
        write_tensors(tmp_path / "one.safetensors", {"w": (torch.float32, (2,))}, [("w", torch.ones(3))], {})
    with pytest.raises(ValueError):
        write_tensors(tmp_path / "one.safetensors", {"w": (torch.float32, (2,))}, [], {})
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_tensors(tmp_path / "file" / "all.safetensors", OUTLINE, TENSORS.items(), {})
