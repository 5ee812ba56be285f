"""One text against another, on a loaded model: which weight changes are it, and what noise would bound it.

Four answers, each with its conditions and each refused where they fail:

embedding rows   the weights whose rows of the (untied) embedding are moved so that the first text reads as the second:
                 exact if every id becomes one id (:mod:`corrie.inputs.embedding_rows`). Checked: the largest difference
                 of the logits of the two.
first layer      the weight change of the model's first linear map that gives the same outputs there
                 (:mod:`corrie.inputs.equivalence`). The residual stream carries the old tokens past it, so it is no
                 change of the model's answer.
noise per id, noise per position   r of a Gaussian shift (:mod:`corrie.inputs.replacement`)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError, ModelError
from corrie.inputs.embedding_rows import RowChange, rows_changed
from corrie.inputs.equivalence import weight_change
from corrie.inputs.first_layer import first_layer
from corrie.inputs.replacement import shift_per_id, shift_per_position
from corrie.inputs.untied import embedding_of, tied_to_embedding, untied
from corrie.models.model import Model
from corrie.records.canonical import content_hash
from corrie.records.model import ModelIdentity
from corrie.records.sealed import envelope

READ = "; for a score that is read off these tokens alone, with nothing generated"
"""What a shift of shared rows takes for granted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A number with what it rests on, or why there is none.

    norm      the norm of the weight change, or r; None where refused
    says      the sentence
    details   plain numbers beside it
    """

    norm: float | None
    says: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TextChange:
    """What replacing one text by another is, in weights.

    model       what reads them
    before, after   token ids
    rows, layer     the equivalent weight changes
    per_id, per_position   the shift under noise

    Printing it gives a line for each.
    """

    model: ModelIdentity
    before: tuple[int, ...]
    after: tuple[int, ...]
    rows: Answer
    layer: Answer
    per_id: Answer
    per_position: Answer

    @classmethod
    def of(cls, model: Model, before: str, after: str) -> TextChange:
        """Compare two texts of as many tokens.

        Raises:
            InputError: texts of different length, without tokens, or longer than the model takes.
        """
        a, b = model.encoder.encode(before), model.encoder.encode(after)
        if len(a) != len(b) or not a:
            raise InputError(
                f"a text of {len(a)} tokens replaced by one of {len(b)}",
                found="an equivalent weight change needs a token for a token",
                advice="texts of as many tokens each",
            )
        if model.encoder.longest is not None and len(a) > model.encoder.longest:
            raise InputError(f"a text of {len(a)} tokens", found=f"the model takes {model.encoder.longest}")
        table = embedding_of(model.module).weight.detach()
        return cls(
            model.identity,
            a,
            b,
            rows=_or_why_not(lambda: _rows(model, a, b)),
            layer=_or_why_not(lambda: _layer(model, a, b)),
            per_id=_or_why_not(lambda: _shift(shift_per_id, table, a, b)),
            per_position=_or_why_not(lambda: _shift(shift_per_position, table, a, b)),
        )

    @property
    def replaced(self) -> int:
        """Positions at which the texts differ."""
        return sum(x != y for x, y in zip(self.before, self.after, strict=True))

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.replaced} of {len(self.before)} tokens replaced, for {self.model.name} in {self.model.dtype}.",
                f"As a change of embedding rows: {self.rows.says}.",
                f"As a change of the first linear layer: {self.layer.says}.",
                f"As a shift of noise on embedding rows: {self.per_id.says}.",
                f"As a shift of noise on positions: {self.per_position.says}.",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data; token ids, not text."""
        parts = {"rows": self.rows, "layer": self.layer, "per_id": self.per_id, "per_position": self.per_position}
        return {
            "kind": "text change",
            "model": self.model.model_dump(mode="json"),
            "before": list(self.before),
            "after": list(self.after),
            "replaced": self.replaced,
            "sentence": str(self),
            **{name: {"norm": a.norm, "sentence": a.says, **a.details} for name, a in parts.items()},
        }


def save_change(change: TextChange, folder: Path, provenance: dict[str, str]) -> Path:
    """Write a text change as canonical JSON with a hash of its content; what made it stands beside, unhashed."""
    content = change.to_json()
    text = envelope("text_change", content, provenance)
    file = folder / f"replace-{content_hash(content)[:16]}.json"
    return write_whole(file, lambda place: place.write_text(text, encoding="utf-8"))


def _or_why_not(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except (InputError, ModelError) as refused:
        return Answer(None, f"refused: {refused.found}", {})


def _rows(model: Model, before: Sequence[int], after: Sequence[int]) -> Answer:
    tied = bool(tied_to_embedding(model.module))
    free = untied(model)
    table = embedding_of(free.module).weight.detach().float()
    change = RowChange.of(before, table[list(after)] - table[list(before)])
    module: Any = free.module
    device = embedding_of(free.module).weight.device
    with torch.no_grad():
        wanted = module(input_ids=torch.tensor([list(after)], device=device), use_cache=False).logits
        with rows_changed(free, change) as realised:
            found = module(input_ids=torch.tensor([list(before)], device=device), use_cache=False).logits
    off = float((found.float() - wanted.float()).abs().max())
    moved = sum(bool(d.any()) for d in change.rows.values())
    head = "; the output head, tied to them, was untied first" if tied else ""
    says = (
        f"exact for these tokens, {moved} row{'' if moved == 1 else 's'} moved, Frobenius norm {change.norm:.4g} (‖θ0‖ "
        f"is {model.identity.norm:.4g}); checked: read with the moved rows, the first text gives the logits of the "
        f"second to {off:.2g}{head}. A moved row stays moved wherever its token is read again"
    )
    return Answer(change.norm, says, {"rows": moved, "logits_off": off, "untied": tied, "realised": realised.norm})


def _layer(model: Model, before: Sequence[int], after: Sequence[int]) -> Answer:
    one, two = first_layer(model.module, before), first_layer(model.module, after)
    found = weight_change(one.weight, one.inputs, two.inputs - one.inputs)
    size = float(np.linalg.norm(one.weight))
    says = (
        f"{found} against ‖W‖ = {size:.4g}, for {' + '.join(one.names)}; it gives that layer's outputs for these "
        "tokens, not the model's answer: the residual stream carries the old tokens past it"
    )
    details = {"rank": found.rank, "tokens": found.full, "residual": found.residual, "weight_norm": size}
    return Answer(found.norm, says, {**details, "names": list(one.names)})


def _shift(measure: Callable[..., Any], table: torch.Tensor, before: Sequence[int], after: Sequence[int]) -> Answer:
    found = measure(table, before, after)
    if not math.isfinite(found.distance):
        raise ModelError("a distance of embedding rows", found="it is no number")
    return Answer(found.distance, f"{found}{READ if found.noise == 'per id' else ''}", {"moved": found.moved})
