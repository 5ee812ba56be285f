"""Directions that start at a loaded model and lead to what lies in files: looked at, checked, hashed, remembered.

Each function returns a record; where its tensors lie is kept in ``model.sources``. The files are read again, tensor by
tensor, when the weights move; nothing but headers stays in memory.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from corrie.errors import InputError, LeftOutWarning, ModelError, OtherBaseWarning
from corrie.models.building import check_number_types
from corrie.models.checkpoint import open_weights
from corrie.models.direct_reads import read_directly
from corrie.models.first_layers import check_first_layers
from corrie.models.function import other_settings
from corrie.models.load import locate
from corrie.models.model import Model
from corrie.records.direction import Direction, Named, parse_directions
from corrie.records.foreign import blamed
from corrie.records.paths import Adapter, Difference, Quantised, Saved
from corrie.sources.packages import Say, silent
from corrie.weights.adapter import AdapterFiles, is_adapter
from corrie.weights.agreement import check_same_tensors, shown
from corrie.weights.saved import look_at_saved
from corrie.weights.selection import named_parameters


def toward(model: Model, place: str | Path, *, common: bool = False, say: Say = silent) -> Difference:
    """The direction from a model to another checkpoint of it: δ = θ_tuned − θ0.

    α = 0 is the model, α = 1 the other checkpoint as it would have been loaded at the model's precision, α > 1 and
    α < 0 extrapolate. Only the tensors that the model lets move (``include``, ``exclude``) move.

    Args:
        model: where it starts.
        place: a folder, a ``.gguf`` file, an embedded model or a name on the hub: a fine-tune, a merge, ….
        common: compare what both have where the vocabulary is of another size, or a head is tied to the embedding here
            and not there; ``say`` is notified of what that leaves out. At α = 1 stands the fine-tune in that alone.
        say: is notified when something is fetched or converted.

    Raises:
        ModelError: another architecture, other settings (:mod:`corrie.models.function`), another vocabulary, missing
            or extra tensors, other shapes, other buffers; they are named.
        FetchError: the hub did not give it.

    >>> import tempfile
    >>> from corrie.testing.toy_models import save_toy, toy_model
    >>> tuned = save_toy(Path(tempfile.mkdtemp()) / "tuned", seed=1)
    >>> toward(toy_model(seed=0), tuned).tuned_name
    'tuned'
    """
    folder, name = locate(str(place), say)
    files = open_weights(folder)
    there = _configuration(model, folder, name)
    _check_vocabulary(model, folder, name, common)
    check_number_types(model.module, files)
    tied = bool(getattr(there, "tie_word_embeddings", False))
    tensors = check_same_tensors(model.module, files, tied, common=common)
    _check_settings(model, there, name)
    content = files.digest(within=getattr(torch, model.identity.dtype))
    if not tensors.rest:
        check_first_layers(model.module, tensors, there, name)
    model.sources.add(content, folder, tensors)
    for sentence in tensors.rest:
        say(f"{name}: {sentence}.")
    return Difference(
        base=model.identity.fingerprint,
        tuned=content,
        law="minus-common-1" if tensors.rest else "minus-1",
        base_name=model.identity.name,
        tuned_name=f"{name}, in what both have" if tensors.rest else name,
    )


def adapter(model: Model, folder: str | Path) -> Adapter:
    """The direction along which a LoRA adapter moves a model: what merging it adds to the weights.

    Args:
        model: what the adapter is for.
        folder: as PEFT's ``save_pretrained`` wrote it.

    At α = 1 the model computes what PEFT's own model computes. That holds on layers that store their matrix the other
    way round (GPT-2's ``Conv1D``), and where the output head is the embedding and the adapter changes only one of the
    two: they are held apart while the weights are moved. Of a vocabulary that was resized in training, the rows that
    both have are moved.

    Raises:
        ModelError: no LoRA adapter, one whose effect is no plain product of two matrices (DoRA, …), one of another
            model, one of layers that the model's code does not call, or one that holds what is no number; what does
            not fit is named.

    Warns:
        LeftOutWarning: the adapter's vocabulary has other rows than the model's.
        OtherBaseWarning: the adapter names another base than the model.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ModelError(f"adapter {folder}", found="no such folder", advice="a folder with adapter_config.json")
    layout = model.sources.layout
    found = AdapterFiles.open(path).on(layout)
    found.check(layout)
    _check_layers(model, found, folder)
    said = found.left_out(layout)
    if said:
        warnings.warn(f"adapter {folder}: {'; '.join(said)}.", LeftOutWarning, stacklevel=2)
    base, own = (re.split(r"[/\\]", name.rstrip("/\\"))[-1] for name in (found.settings.base, model.identity.name))
    if base and own and base.casefold() != own.casefold():
        warnings.warn(
            f"adapter {folder}: it names {base} as its base, and moves {own}. Try: the base that it was trained on.",
            OtherBaseWarning,
            stacklevel=2,
        )
    content = found.content()
    model.sources.add(content, path)
    return Adapter(content=content, law="lora-2" if found.by_layout(layout) else "lora-1", name=path.resolve().name)


def _check_layers(model: Model, files: AdapterFiles, folder: str | Path) -> None:
    """Refuse factors that PEFT's own model never uses and the merged one does; zeros, as they stay there, are taken."""
    own = [n for n in files.matrices if not files.settings.is_parameter(n)]
    past = [n for n in read_directly(model.module, own) if bool(files.up(n).any()) and bool(files.down(n).any())]
    if past:
        raise ModelError(
            f"adapter {folder}",
            found=f"the model's code reads {shown(past)} past its layer: PEFT's own model leaves these factors unused, "
            "and merged they change it",
            advice="an adapter without these layers (exclude_modules); toward: the merged model, if that is meant",
        )


def saved(model: Model, file: str | Path) -> Saved:
    """A direction that was kept in a file (:func:`corrie.weights.save_direction`), its hash checked.

    Raises:
        ModelError: no such file, not what was saved, or tensors that the model does not have.
    """
    path = Path(file).expanduser()
    record, found = look_at_saved(path)
    ours = {n: tuple(p.shape) for n, p in named_parameters(model.module).items()}
    strange = [f"{n} of shape {shape}" for n, shape in found.shapes.items() if ours.get(n) != shape]
    if strange:
        raise ModelError(
            f"saved direction {path}",
            found=f"tensors that the model does not have: {shown(strange)}",
            advice="the model it was found for",
        )
    model.sources.add(record.content, path)
    return record


def tuned_direction(model: Model, place: str | Path, *, say: Say = silent) -> Difference | Adapter | Quantised | Saved:
    """The path from a model to what was made of it.

    Args:
        model: the base.
        place: a checkpoint (as of :func:`toward`), an adapter's folder, or a path as it is written on the command line
            (``quantised:int4``, ``saved:FILE``, ``adapter:FOLDER``, ``toward:CHECKPOINT``, ``common:CHECKPOINT``).
        say: is notified when something is fetched or converted.

    Raises:
        ModelError, FetchError: as of :func:`toward`, :func:`adapter`, :func:`saved`.
    """
    text = str(place)
    kind, colon, _ = text.partition(":")
    if colon and kind in ("toward", "common", "adapter", "quantised", "saved") and not Path(text).exists():
        (asked,) = find_directions(model, parse_directions(text), say=say)
        if not isinstance(asked, Difference | Adapter | Quantised | Saved):
            raise InputError(text, found="a random direction leads nowhere", advice="a checkpoint or an adapter")
        return asked
    folder = Path(text).expanduser()
    if is_adapter(folder):
        return adapter(model, folder)
    return toward(model, place, say=say)


def find_directions(model: Model, asked: Iterable[Direction | Named], *, say: Say = silent) -> tuple[Direction, ...]:
    """Directions as they were asked for, those that were asked for by a place looked at.

    Raises:
        InputError: a direction is there twice.
        ModelError, FetchError: as of :func:`toward`, :func:`adapter`, :func:`saved`.
    """
    found: list[Direction] = []
    for one in asked:
        if not isinstance(one, Named):
            found.append(one)
        elif one.kind in ("toward", "common") and not is_adapter(Path(one.place).expanduser()):
            found.append(toward(model, one.place, common=one.kind == "common", say=say))
        else:
            found.append(saved(model, one.place) if one.kind == "saved" else adapter(model, one.place))
    ids = [d.id for d in found]
    twice = [str(d) for d in found if ids.count(d.id) > 1]
    if twice:
        raise InputError("directions", found=f"{twice[0]} is there twice", advice="each once")
    return tuple(found)


def _configuration(model: Model, folder: Path, name: str) -> Any:
    """The configuration there, refused where it is of another architecture.

    A text model may meet its configuration as part of a larger one.
    """
    from transformers import AutoConfig

    module: Any = model.module
    here = module.config.model_type
    with blamed(f"model {name}", "its config.json"):
        there: Any = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        there = there if there.model_type == here else there.get_text_config()
    if there.model_type != here:
        raise ModelError(
            f"direction toward {name}",
            found=f"its architecture is {there.model_type}, the model's {here}",
            advice="a fine-tune of the same model",
        )
    return there


def _check_settings(model: Model, there: Any, name: str) -> None:
    """Refuse settings under which the same weights are another function."""
    other = other_settings(model.module, there)
    if other:
        raise ModelError(
            f"direction toward {name}",
            found=f"the same weights are another function there: {shown(other, '; ')}",
            advice="a fine-tune with the settings of its base",
        )


def _check_vocabulary(model: Model, folder: Path, name: str, common: bool) -> None:
    """Refuse a tokenizer in which a token of ours has another number (none in the folder: nothing to compare).

    Of what both have (``common``), a token may be missing there.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return
    from transformers import AutoTokenizer

    with blamed(f"model {name}", "its tokenizer (tokenizer.json, tokenizer_config.json, …)"):
        there = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).get_vocab()
    here = model.tokenizer.get_vocab()
    other = sorted(t for t, number in here.items() if there.get(t, number if common else None) != number)
    if other:
        raise ModelError(
            f"direction toward {name}",
            found=f"another vocabulary: {len(other)} tokens of the model have no such number there: "
            f"{shown(map(repr, other))}",
            advice="a fine-tune that kept the tokenizer",
        )
