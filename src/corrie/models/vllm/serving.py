"""Which models vLLM serves here, and under which names it takes their tensors."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from torch import Tensor, nn

from corrie.errors import InputError, ModelError
from corrie.models.checkpoint import open_weights
from corrie.models.load import locate
from corrie.models.model import Model
from corrie.models.vllm.here import batch_invariant, vllm_here
from corrie.weights.agreement import saved_buffers
from corrie.weights.selection import named_parameters
from corrie.weights.stored import StoredTensors

SERIAL = "--engine serial"


def import_vllm(device: str) -> Any:
    """vLLM itself, in this process, without a word and without a report to anybody.

    Args:
        device: of the model, by which it is said whether texts shall not depend on the batch.

    Raises:
        InputError: it is not installed, or does not load.
    """
    vllm_here()
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ["VLLM_BATCH_INVARIANT"] = str(int(batch_invariant(device)))
    for name, value in _USUAL.items():
        os.environ.setdefault(name, value)
    preload = os.environ.get("LD_PRELOAD")
    try:
        vllm = import_module("vllm")
    except Exception as problem:  # a build that does not fit the torch that is here raises anything
        said = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise InputError(
            "engine vllm", found=f"vLLM does not load ({said[:200]})", advice="an environment of its own: make vllm"
        ) from problem
    finally:
        restore_preload(preload)
    return vllm


_USUAL = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
}
"""Settings of vLLM that hold unless the environment says otherwise."""


def restore_preload(before: str | None) -> None:
    """Take back what vLLM would have every program that is started from here load first."""
    if before is None:
        os.environ.pop("LD_PRELOAD", None)
    else:
        os.environ["LD_PRELOAD"] = before


def refuse_unserved(model: Model) -> None:
    """Refuse a model that vLLM cannot hold a copy of here.

    Raises:
        InputError: vLLM is not installed, or built for another kind of device; a model made in memory, or on several
            devices.
        ModelError: an architecture that vLLM does not serve, or tensors that it does not take one by one.
    """
    here = vllm_here()
    asked, kind = f"engine vllm for {model.identity.name}", model.device.partition(":")[0]
    model.recipe_for("vllm", "vLLM")
    if len(model.devices) > 1:
        raise InputError(asked, found=f"the model lies on {model.device}, and vLLM's copy lies on one", advice=SERIAL)
    if kind != here.kind:
        raise InputError(
            asked,
            found=f"the model is on {kind}, and {here.package} is built for {here.kind}",
            advice=f"--device {here.kind}, or {SERIAL}",
        )
    vllm = import_vllm(model.device)
    if model.identity.architecture not in vllm.ModelRegistry.get_supported_archs():
        raise ModelError(
            asked,
            found=f"{here.package} {here.version} has no {model.identity.architecture} of its own",
            advice=SERIAL,
        )
    checkpoint_names(model)


def checkpoint_names(model: Model) -> dict[str, str]:
    """Name of a tensor in memory → its name in the checkpoint, by which vLLM's loaders know it.

    Raises:
        ModelError: tensors that are joined in memory, or are not in the checkpoint.
    """
    folder, _ = locate(model.recipe_for("vllm", "vLLM").name)
    found = StoredTensors.of(model.module, open_weights(folder)).recipes
    names: dict[str, str] = {}
    for name, tensor in held_tensors(model.module).items():
        also = next((n for n in model.sources.layout.group(name) if n in found), name)
        recipe = found.get(also)
        if recipe is not None and len(recipe.stored) == 1 and recipe.shape == tuple(tensor.shape):
            names[name] = recipe.stored[0]
        elif name in named_parameters(model.module):
            raise ModelError(
                f"engine vllm for {model.identity.name}",
                found=f"{name} is in memory as no tensor of its checkpoint is, and vLLM's loaders take those",
                advice=SERIAL,
            )
    return names


def held_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Everything of a model that a checkpoint of it holds, each tied tensor once, in the model's order."""
    return {**{n: p.data for n, p in named_parameters(module).items()}, **saved_buffers(module)}
