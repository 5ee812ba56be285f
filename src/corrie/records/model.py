"""What a model is, without its weights: enough to know that two runs are of the same thing."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from corrie.records.canonical import Record

Precision = Literal["float32", "bfloat16", "float16", "float64"]


class SelectionSpec(Record):
    """Which named tensors move: shell patterns on tensor names; every floating-point parameter by default."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class ModelIdentity(Record):
    """A model at the precision it runs in, and the part of it that moves.

    fingerprint   hash of every parameter and persistent buffer: names, shapes, dtype, bytes
    tokenizer     hash of the tokenizer and its chat template
    function      hash of the settings under which the weights are that function (:mod:`corrie.models.function`); empty
                  in what was written before this was recorded, and then no part of the text
    parameters    numbers in the model, each tied tensor once
    dimension     d: numbers that move
    norm          ‖θ0‖₂ of the tensors that move
    notes         what a reader of a result must know (weights are dequantised 4-bit values, …)
    """

    name: str
    architecture: str
    fingerprint: str
    dtype: Precision
    parameters: int
    selection: SelectionSpec
    dimension: int
    norm: float
    notes: tuple[str, ...] = ()
    tokenizer: str = ""
    function: str = ""

    @model_serializer(mode="wrap")
    def _as_it_was(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a function that was never recorded: what is old keeps its text and its hash."""
        written: dict[str, Any] = plain(self)
        if not self.function:
            written.pop("function", None)
        return written

    def is_the_function_of(self, other: ModelIdentity) -> bool:
        """Whether the settings are the same, or one side does not know its own.

        >>> terms = {"name": "toy", "architecture": "Toy", "fingerprint": "f", "dtype": "float32", "parameters": 4,
        ...          "selection": SelectionSpec(), "dimension": 4, "norm": 1.0}
        >>> one, other, old = (ModelIdentity(**terms, function=f) for f in ("a", "b", ""))
        >>> one.is_the_function_of(other), one.is_the_function_of(old)
        (False, True)
        """
        return self.function == other.function or not (self.function and other.function)

    @property
    def of_any_function(self) -> ModelIdentity:
        """As it was written before functions were recorded."""
        return self.model_copy(update={"function": ""})

    @property
    def rms(self) -> float:
        """‖θ0‖₂/√d, the size of a typical weight: σ divided by it is the relative σ."""
        return self.norm / math.sqrt(self.dimension)

    def distance(self, sigma: float) -> float:
        """σ√d: the L2 distance that Gaussian noise of this σ moves the weights."""
        return sigma * math.sqrt(self.dimension)
