"""``corrie.load``: a language model by name, folder or file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from corrie.errors import FetchError, ModelError, UnknownName
from corrie.models.chat_template import clock_note
from corrie.models.checkpoint import check_config, check_folder
from corrie.models.device import pick_device
from corrie.models.encoding import tokenizer_fingerprint
from corrie.models.function import function_hash
from corrie.models.gguf import NOTE_FILE, convert_gguf
from corrie.models.model import Model
from corrie.models.precision import DTYPES, pick_dtype
from corrie.models.quiet import quiet
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.sources import embedded_models, packaged_model
from corrie.sources.packages import Say, silent
from corrie.weights.adapter_config import CONFIG
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.selection import named_parameters, select

_NO_ADAPTER = "no-adapter"
"""Where transformers is sent to look for an adapter beside a model, so that it finds none and applies none."""

_BESIDE = "an adapter lies beside its weights and is not applied (adapter:FOLDER is the direction that applies it)"


def load(
    name: str | Path,
    *,
    dtype: str = "float32",
    device: str = "auto",
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    say: Say = silent,
) -> Model:
    """A language model, ready to be moved and asked.

    Args:
        name: an embedded model (``smollm2-135m-instruct``), a folder with ``config.json`` and safetensors, a
            ``.gguf`` file, or a name on the Hugging Face hub.
        dtype: the precision it runs in, float32, bfloat16 or float16. In bfloat16 the rounding of every moved weight is
            part of the score. ``auto``: bfloat16 where the machine has instructions for it, else float32.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        include: shell patterns of the tensors that move (default: every floating-point parameter).
        exclude: shell patterns of tensors that stay.
        say: is told when something is fetched or converted.

    No code of a checkpoint is run, and no pickle is read. An adapter that lies beside the weights is not applied, and
    the model's notes say so.

    Raises:
        UnknownName: no such model (the nearest embedded name is given).
        ModelError: no causal language model, pickled or quantised weights, missing or broken tensors.
        FetchError: it would have to be fetched and cannot be.

    >>> model = load("smollm2-135m-instruct", dtype="bfloat16")  # doctest: +SKIP
    >>> print(model)  # doctest: +SKIP
    smollm2-135m-instruct: LlamaForCausalLM, 134,515,008 parameters in bfloat16 on cpu; 272 tensors … move
    """
    target = pick_device(device)
    precision = pick_dtype(dtype, target.type)
    with quiet():
        source, shown = locate(str(name), say)
        module, tokenizer = _from_pretrained(source, shown, precision)
    module.eval()
    module.to(target)
    return from_module(
        module,
        tokenizer,
        name=shown,
        selection=SelectionSpec(include=tuple(include), exclude=tuple(exclude)),
        notes=_notes(source),
        asked=precision,
    )


def from_module(
    module: nn.Module,
    tokenizer: Any,
    *,
    name: str,
    selection: SelectionSpec | None = None,
    notes: tuple[str, ...] = (),
    asked: torch.dtype | None = None,
) -> Model:
    """A model of corrie's around a module and tokenizer that are in memory already.

    Args:
        module, tokenizer: what is in memory.
        name: what it is called in results.
        selection: the tensors that move.
        notes: what a reader of a result must know.
        asked: the precision that was asked for and names the model, where the library keeps some tensors (routers,
            …) in float32 beside it: each then moves in its own.

    Raises:
        ModelError: weights that are not finite, quantised, or of several precisions.
    """
    parameters = named_parameters(module)
    broken = [n for n, p in parameters.items() if p.is_floating_point() and not bool(torch.isfinite(p).all())]
    if broken:
        raise ModelError(
            f"model {name}",
            found=f"weights that are not numbers (NaN or infinite) in {len(broken)} tensors, first {broken[0]}",
            advice="another copy of the checkpoint, or one from before the training diverged",
        )
    chosen = select(module, selection)
    kinds = {p.dtype for p in parameters.values()}
    named = _named_precision(kinds, asked)
    if named is None:
        raise ModelError(
            f"model {name}",
            found=f"weights of {', '.join(sorted(map(str, kinds)))}",
            advice="one precision for all: module.to(torch.float32), or corrie.load of its folder",
        )
    identity = ModelIdentity.model_validate(
        {
            "name": name,
            "architecture": type(module).__name__,
            "fingerprint": model_fingerprint(module),
            "function": function_hash(module),
            "tokenizer": tokenizer_fingerprint(tokenizer),
            "dtype": named,
            "parameters": sum(p.numel() for p in parameters.values()),
            "selection": chosen.spec,
            "dimension": chosen.dimension,
            "norm": chosen.norm(),
            "notes": (*notes, *clock_note(tokenizer)),
        }
    )
    return Model(module=module, tokenizer=tokenizer, selection=chosen, identity=identity)


def _named_precision(kinds: set[torch.dtype], asked: torch.dtype | None) -> str | None:
    """The name of the precision of a model with weights of these types; None where they have none in common."""
    names = {v: k for k, v in DTYPES.items()} | {torch.float64: "float64"}
    if asked in kinds and kinds == {asked, torch.float32}:
        return names.get(asked)
    return names.get(next(iter(kinds))) if len(kinds) == 1 else None


def locate(name: str, say: Say = silent) -> tuple[Path | str, str]:
    """Where a name leads: a folder, or a name for the hub; and how to call it in results.

    Raises:
        ModelError: no such folder or file, or no causal language model in it.
    """
    embedded = {m.name for m in embedded_models()}
    if name in embedded:
        return convert_gguf(packaged_model(name, say), say), name
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ModelError(
                f"model file {name}", found=f"a {path.suffix or 'nameless'} file", advice="a folder or a .gguf file"
            )
        return convert_gguf(path, say), path.name
    if path.is_dir():
        check_folder(path)
        return path, path.resolve().name
    if path.is_absolute() or name.startswith((".", "~")) or name.endswith(".gguf") or name.count("/") > 1:
        raise ModelError(
            f"model {name}", found="no such folder or file", advice="corrie models lists the embedded ones"
        )
    return name, name


def _from_pretrained(source: Path | str, shown: str, dtype: torch.dtype) -> tuple[nn.Module, Any]:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    local = isinstance(source, Path)
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": local}
    unapplied = {"subfolder": _NO_ADAPTER}
    try:
        config: Any = AutoConfig.from_pretrained(source, **options)
        check_config(shown, config.to_dict())
        automatic: Any = AutoModelForCausalLM
        module, report = automatic.from_pretrained(
            source,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            adapter_kwargs=unapplied,
            **options,
        )
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
    except SafetensorError as problem:
        raise ModelError(
            f"model {shown}", found=f"damaged weights ({problem})", advice="copy or download it again"
        ) from None
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as problem:
        raise _explain(problem, shown, local) from problem
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"model {shown}",
            found=f"{len(missing)} tensors are missing from its weights, first {missing[0]}",
            advice="a complete checkpoint",
        )
    return module, tokenizer


def _explain(problem: Exception, shown: str, local: bool) -> Exception:
    """What a library's error means to the person who asked for a model."""
    first = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
    if "trust_remote_code" in str(problem):
        return ModelError(
            f"model {shown}", found="it needs code of its own to be run", advice="a model that transformers knows"
        )
    if local:
        return ModelError(
            f"model {shown}", found=f"it cannot be loaded ({first})", advice="a folder written by save_pretrained"
        )
    if "safetensors" in first and "does not appear to have" in first:
        return ModelError(
            f"model {shown}", found="no safetensors weights on the hub", advice="a repository that has them"
        )
    if "/" in shown:
        return FetchError(
            f"model {shown}", found=f"the hub did not give it ({first})", advice="check the name and the network"
        )
    return UnknownName("model", shown, [m.name for m in embedded_models()])


def _notes(source: Path | str) -> tuple[str, ...]:
    """What a converted folder says about its weights, and of an adapter that lies beside them."""
    file = Path(source) / NOTE_FILE
    beside = (_BESIDE,) if isinstance(source, Path) and (source / CONFIG).exists() else ()
    return (*(json.loads(file.read_text("utf-8"))["notes"] if file.is_file() else ()), *beside)
