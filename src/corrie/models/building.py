"""A module built from a configuration and a folder's tensors: every parameter from the files, every tensor used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from corrie.errors import ModelError
from corrie.records.foreign import blamed
from corrie.weights.agreement import shown, stored_name
from corrie.weights.redundant import redundant
from corrie.weights.tensor_files import TensorFiles

_SPARE = 2**24


Placed = Mapping[str, torch.device]
"""Module → device."""


def build_model(
    files: TensorFiles,
    config: Any,
    dtype: torch.dtype,
    shown_as: str,
    place: Callable[[nn.Module], Placed | None] = lambda outline: None,
) -> nn.Module:
    """The causal language model of a configuration, with the tensors of these files as its parameters.

    First it is built without memory, and its sizes are held against the headers of the files; then it is loaded from
    them and from nothing else; then the loader's report is held to its word.

    Args:
        files: the tensors.
        config: a transformers configuration.
        dtype: the precision of the parameters.
        shown_as: the model's name, for messages.
        place: called with the model without memory before anything is read; where its parts go (None: all of them into
            this machine's memory). It may refuse.

    Raises:
        ModelError: a configuration that no module can be built from, parameters that no file holds, that have another
            size there or are integers there, and tensors that the model has no use for. They are named.
    """
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    asked = f"model {shown_as}"
    automatic: Any = AutoModelForCausalLM
    with blamed(asked, "config.json", "the config.json it was published with"), torch.device("meta"), no_init_weights():
        empty = automatic.from_config(config, trust_remote_code=False)
    _check_sizes(empty, files, asked)
    check_number_types(empty, files)
    empty.tie_weights()
    placed = place(empty)
    kind: Any = type(empty)
    with blamed(asked, "its weights", "a folder written by save_pretrained"):
        module, report = kind.from_pretrained(
            None,
            config=empty.config,
            state_dict=files.slices(),
            dtype=dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the report, which refuses them by name
            device_map=None if placed is None else dict(placed),
        )
    _check_report(module, report, config, asked)
    return module


def check_number_types(module: nn.Module, files: TensorFiles) -> None:
    """Refuse a checkpoint in which a parameter is stored in integers (or truth values, or complex numbers).

    Raises:
        ModelError: it is named.
    """
    buffers = {n.rpartition(".")[2] for n, b in module.named_buffers() if not b.is_floating_point()}
    odd = sorted(n for n in files.others if n.rpartition(".")[2] not in buffers and not redundant(n))
    if odd:
        raise ModelError(
            f"weights {files.where}",
            found=f"{len(odd)} tensors are stored as no floating-point numbers: {odd[0]} as {files.others[odd[0]]}",
            advice="the float checkpoint it was made from",
        )


def _check_sizes(empty: nn.Module, files: TensorFiles, asked: str) -> None:
    """Hold a module without memory against the headers: names that both have, and the sum of all."""
    ours = {n: tuple(p.shape) for n, p in empty.named_parameters()}
    stored = {n: there for n in ours if (there := stored_name(files.shapes, n)) is not None}
    other = [
        f"{n} is {list(ours[n])} by config.json and {list(files.shapes[there])} in the weights"
        for n, there in stored.items()
        if _numbers([ours[n]]) != _numbers([files.shapes[there]])
    ]
    if other:
        raise ModelError(asked, found=f"other sizes: {shown(other)}", advice="the config.json of these weights")
    wanted, there = _numbers(ours.values()), _numbers(files.shapes.values())
    computed = _numbers(tuple(b.shape) for _, b in empty.named_buffers())
    if wanted > 2 * there + _SPARE or computed > 4 * there + 16 * _SPARE:
        raise ModelError(
            asked,
            found=f"config.json asks for {max(wanted, computed):,} numbers, and its weights hold {there:,}",
            advice="the config.json of these weights",
        )


def _numbers(shapes: Iterable[tuple[int, ...]]) -> int:
    total = 0
    for shape in shapes:
        product = 1
        for length in shape:
            product *= length
        total += product
    return total


def _check_report(module: nn.Module, report: dict[str, Any], config: Any, asked: str) -> None:
    """What the loader says it did, held to: nothing missing, nothing left over, nothing of another shape."""
    missing = sorted(report["missing_keys"])
    other = sorted(str(k[0] if isinstance(k, tuple) else k) for k in report["mismatched_keys"])
    left = sorted(n for n in report["unexpected_keys"] if not redundant(n, config))
    for names, what in (
        (missing, "are missing from its weights"),
        (other, "have another shape in its weights"),
        (left, "of its weights have no place in the model"),
    ):
        if names:
            raise ModelError(
                asked,
                found=f"{len(names)} tensors {what}, first {names[0]}" + _hint(names),
                advice="a complete checkpoint with the config.json of its own weights",
            )
    if report["error_msgs"]:
        raise ModelError(asked, found=f"its weights cannot be read ({str(report['error_msgs'][0])[:300]})")
    empty = [n for n, p in module.named_parameters() if p.device.type == "meta"]
    if empty:
        raise ModelError(asked, found=f"{len(empty)} tensors are missing from its weights, first {empty[0]}")
    for name, buffer in module.named_buffers():
        if name.endswith("inv_freq") and not bool(torch.isfinite(buffer).all()):
            raise ModelError(
                asked, found="its rotary frequencies are no numbers: config.json's rope settings are broken"
            )


def _hint(names: list[str]) -> str:
    scales = [n for n in names if re.search(r"scale|qweight|qzeros|absmax|quant|_blocks$|\.SCB$", n)]
    return f" ({scales[0]} belongs to quantised weights)" if scales else ""
