import pytest
import torch

from corrie.models import precision
from corrie.models.precision import pick_dtype


@pytest.mark.parametrize(("native", "chosen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_asks_the_machine(monkeypatch: pytest.MonkeyPatch, native: bool, chosen: torch.dtype) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: native, raising=False)
    assert pick_dtype("auto", "cpu") == chosen
    assert pick_dtype("float32", "cpu") == torch.float32


def test_where_torch_cannot_tell_it_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(precision.torch.cpu, name, raising=False)
    assert pick_dtype("auto", "cpu") == pick_dtype("auto", "mps") == torch.float32
