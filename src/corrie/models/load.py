"""``corrie.load``: a language model by name, folder or file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from corrie.errors import InputError, ModelError
from corrie.models.building import Placed, build_model
from corrie.models.chat_template import clock_note
from corrie.models.checkpoint import check_config, open_weights
from corrie.models.device import pick_device
from corrie.models.encoding import tokenizer_fingerprint
from corrie.models.footprint import Footprint
from corrie.models.function import function_hash
from corrie.models.gguf import NOTE_FILE, convert_gguf
from corrie.models.hub import hub_folder
from corrie.models.model import Model
from corrie.models.precision import DTYPES, pick_dtype
from corrie.models.quiet import quiet
from corrie.models.recipe import LoadRecipe
from corrie.models.spread import DeviceMap, device_of, read_map, spread_over
from corrie.records.foreign import blamed
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.sources import embedded_models, packaged_model
from corrie.sources.packages import Say, silent
from corrie.weights.adapter_config import ADAPTER_CONFIG
from corrie.weights.drawn_again import Drawing, check_draw
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.selection import chosen_names, named_parameters, refuse_absent, select
from corrie.weights.shard import class_name, whole_tensor
from corrie.weights.tensor_files import all_finite

_BESIDE = "an adapter lies beside its weights and is not applied (adapter:FOLDER is the direction that applies it)"


def load(
    name: str | Path,
    *,
    dtype: str = "float32",
    device: str = "auto",
    device_map: DeviceMap | None = None,
    draw: Drawing = "auto",
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
        device_map: in its place, for a model that one device does not hold: ``auto`` or ``sequential`` over the GPUs of
            this machine, or module → device, as accelerate has it (:mod:`corrie.models.spread`).
        draw: Gaussian directions are kept in memory (``keep``), or drawn anew for every point, tensor by tensor
            (``again``), with the same numbers; ``auto``: again where keeping one would take more than half of what is
            available.
        include: shell patterns of the tensors that move (default: every floating-point parameter).
        exclude: shell patterns of tensors that stay.
        say: is notified when something is fetched or converted.

    No code of a checkpoint is run, and no pickle is read. An adapter that lies beside the weights is not applied, and
    the model's notes say so.

    Raises:
        UnknownName: no such model (the nearest embedded name is given).
        ModelError: no causal language model, pickled or quantised weights, missing or broken tensors.
        InputError: a device, precision or device map that is not there or not valid; a model that does not fit.
        FetchError: it would have to be fetched and cannot be.

    >>> model = load("smollm2-135m-instruct", dtype="bfloat16")  # doctest: +SKIP
    >>> print(model)  # doctest: +SKIP
    smollm2-135m-instruct: LlamaForCausalLM, 134,515,008 parameters in bfloat16 on cpu; 272 tensors … move
    """
    check_draw(draw)
    asked_map = read_map(device_map) if isinstance(device_map, str) else device_map
    if asked_map is not None and device != "auto":
        raise InputError(f"device {device!r} and a device map", found="each says where the model goes", advice="one")
    target = pick_device(device)
    precision = pick_dtype(dtype, target.type)
    spec = SelectionSpec(include=tuple(include), exclude=tuple(exclude))

    def place(outline: nn.Module) -> Placed | None:
        """Where the parts go, once it is known that they fit."""
        taken = _footprint(outline, spec, precision, dict.fromkeys(named_parameters(outline), target))
        placed = None
        if asked_map is not None:
            placed = spread_over(outline, asked_map, precision, taken.copies("again" if draw == "auto" else draw))
            places = {n: device_of(n, placed) for n in named_parameters(outline)}
            taken = _footprint(outline, spec, precision, places)
        say(taken.sentence(draw))
        taken.check(f"model {shown}", draw)
        return placed

    with quiet():
        folder, shown = locate(str(name), say)
        module, tokenizer = _from_folder(folder, shown, precision, place)
        module.eval()
        if asked_map is None:
            module.to(target)
        sound = _runs(module, shown)
    model = from_module(
        module,
        tokenizer,
        name=shown,
        selection=spec,
        notes=_notes(folder),
        asked=precision,
    )
    if not sound:
        raise ModelError(
            f"model {shown}",
            found=f"what it computes in {str(precision).removeprefix('torch.')} from finite weights is no number (NaN)",
            advice="the config.json it was published with, another copy of its weights, or --dtype float32",
        )
    path = Path(name).expanduser()
    model.draw = draw
    model.recipe = LoadRecipe(
        name=str(path.resolve()) if path.exists() else str(name),
        dtype=str(precision).removeprefix("torch."),
        device=target.type if asked_map is None else "auto",
        device_map=asked_map,
        draw=draw,
        include=tuple(include),
        exclude=tuple(exclude),
    )
    return model


def _footprint(outline: nn.Module, spec: SelectionSpec, dtype: torch.dtype, places: Placed) -> Footprint:
    """What a model without memory will take."""
    tensors = named_parameters(outline)
    moving = chosen_names([n for n, p in tensors.items() if p.is_floating_point()], spec)
    return Footprint.of(tensors, set(moving), dtype, places)


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
    refuse_absent(parameters)
    broken = [n for n, p in parameters.items() if p.is_floating_point() and not all_finite(whole_tensor(p))]
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
            "architecture": class_name(module),
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


def locate(name: str, say: Say = silent) -> tuple[Path, str]:
    """Where a name leads: a folder (fetched or converted where it has to be); and how to call it in results.

    Raises:
        ModelError: no such folder or file, or no causal language model in it.
        UnknownName, FetchError: neither here nor on the hub.
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
        return path, path.resolve().name
    if path.is_absolute() or name.startswith((".", "~")) or name.endswith(".gguf") or name.count("/") > 1:
        raise ModelError(
            f"model {name}", found="no such folder or file", advice="corrie models lists the embedded ones"
        )
    return hub_folder(name), name


def _from_folder(
    folder: Path, shown: str, dtype: torch.dtype, place: Callable[[nn.Module], Placed | None]
) -> tuple[nn.Module, Any]:
    """The module and the tokenizer of a folder, each file of it read under its own name."""
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    asked = f"model {shown}"
    files = open_weights(folder)
    with blamed(asked, "config.json", "the config.json it was published with"), _own_code(shown):
        config: Any = AutoConfig.from_pretrained(folder, **options)
        check_config(shown, config.to_dict())
    with _own_code(shown):
        module: Any = build_model(files, config, dtype, shown, place)
    file = "generation_config.json" if (folder / "generation_config.json").is_file() else "config.json"
    with blamed(asked, file):
        wishes: Any = {"_from_model_config": True} if file == "config.json" else {}
        module.generation_config = GenerationConfig.from_pretrained(
            folder, config_file_name=file, local_files_only=True, **wishes
        )
        ends = module.generation_config.eos_token_id
        if not all(isinstance(e, int) for e in (ends if isinstance(ends, list) else [ends]) if e is not None):
            raise ValueError(f"eos_token_id is {str(ends)[:80]}")
    with blamed(asked, "its tokenizer (tokenizer.json, tokenizer_config.json, …)", "the files it was published with"):
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        tokenizer.decode(tokenizer("A word, 12 more.\n").input_ids)
    return module, tokenizer


def _runs(module: nn.Module, shown: str) -> bool:
    """One step of the model: what a configuration breaks shows itself before a scan begins.

    Returns:
        whether it computes numbers.
    """
    device = next(module.parameters()).device
    model: Any = module
    with blamed(f"model {shown}", "config.json", "the config.json it was published with"), torch.no_grad():
        out = model(input_ids=torch.zeros((1, 2), dtype=torch.long, device=device), use_cache=False)
        if out.logits.shape[:2] != (1, 2):
            raise ValueError(f"logits of shape {tuple(out.logits.shape)}")
        return not bool(torch.isnan(out.logits).any())


@contextmanager
def _own_code(shown: str) -> Iterator[None]:
    """A block in which a model that needs code of its own is refused for that."""
    try:
        yield
    except (ModelError, ValueError) as problem:
        if "trust_remote_code" in str(problem):
            raise ModelError(
                f"model {shown}", found="it needs code of its own to be run", advice="a model that transformers knows"
            ) from problem
        raise


def _notes(folder: Path) -> tuple[str, ...]:
    """What a converted folder says about its weights, and of an adapter that lies beside them."""
    file = folder / NOTE_FILE
    beside = (_BESIDE,) if (folder / ADAPTER_CONFIG).exists() else ()
    return (*(json.loads(file.read_text("utf-8"))["notes"] if file.is_file() else ()), *beside)
