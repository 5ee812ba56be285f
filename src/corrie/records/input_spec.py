"""A certificate about changed inputs, as it is fixed before its first draw."""

from __future__ import annotations

import math
from typing import Literal, get_args

from pydantic import Field, model_validator

from corrie.errors import InputError, UnknownName
from corrie.records.canonical import Record, content_hash
from corrie.records.certificate_spec import certified_scan
from corrie.records.input_draw import INPUT_LAW, InputDraw, InputPart
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.stats.gaussian_kernel import GaussianKernel
from corrie.stats.token_kernels import AbsorbingKernel, UniformKernel

NoiseKind = Literal["absorbing", "uniform", "embedding"]

INPUT_EXAMPLES = 20
"""Of a task that is named without a number: every draw reads each prompt again."""


class InputNoise(Record):
    """What happens to every token of a prompt that may be attacked, independently.

    kind    absorbing: with probability ``level`` it becomes the mask token. uniform: with probability ``level`` it
            becomes one of the others of the vocabulary, each as likely. embedding: its vector gets Gaussian noise of
            standard deviation ``level`` in every coordinate
    level   in (0, 1] for tokens, above 0 for embeddings
    """

    kind: NoiseKind
    level: float

    @model_validator(mode="after")
    def _some_noise(self) -> InputNoise:
        top = math.inf if self.kind == "embedding" else 1.0
        if not (math.isfinite(self.level) and 0 < self.level <= top):
            raise InputError(
                f"noise {self}",
                found="not above 0 and finite" if self.kind == "embedding" else "no probability above 0",
                advice="embedding:0.02" if self.kind == "embedding" else f"{self.kind}:0.7",
            )
        return self

    @property
    def counts(self) -> bool:
        """Whether a change is a number of tokens (otherwise an L2 norm)."""
        return self.kind != "embedding"

    def __str__(self) -> str:
        return f"{self.kind}:{self.level:g}"


def parse_noise(text: str) -> InputNoise:
    """``absorbing:0.7``, ``uniform:0.7`` or ``embedding:0.02``.

    Raises:
        InputError: no such noise, or a level that is not valid.

    >>> print(parse_noise("absorbing:0.7"))
    absorbing:0.7
    """
    kind, _, level = text.partition(":")
    kinds = get_args(NoiseKind)
    if kind not in kinds:
        raise UnknownName("kernel", kind, kinds)
    try:
        return InputNoise.model_validate({"kind": kind, "level": float(level)})
    except ValueError as problem:
        if isinstance(problem, InputError):
            raise
        raise InputError(f"kernel {text!r}", found=f"{level!r} is no number", advice=f"{kind}:0.1") from None


class InputSpec(Record):
    """ "With this confidence, the smoothed score stays above …, whatever is done to so much of every prompt."

    model, tokenizer, dtype   fingerprints of what is asked, and its precision
    task          what is asked, and the first how many of its examples
    noise         kind and level
    vocabulary    V: tokens there are, the attacker's and the uniform kernel's
    mask          the token that the absorbing kernel puts in place of another
    before, after tokens at the beginning and the end of every prompt that all of them share: not noised, not attacked
    selection     draws that only sort the examples into groups
    draws         draws that certify
    confidence    that the statement holds, for every change at once
    block         examples scored together

    >>> task = TaskRequest(task="knowledge-1f", limit=20)
    >>> same = {"model": "a", "tokenizer": "b", "dtype": "float32", "task": task, "vocabulary": 100}
    >>> spec = InputSpec(noise=parse_noise("uniform:0.5"), before=0, after=3, draws=100, **same)
    >>> spec.kernel
    UniformKernel(noise=0.5, vocabulary=100)
    """

    kind: Literal["inputs"] = "inputs"
    law: str = INPUT_LAW
    model: str
    tokenizer: str
    dtype: str
    task: TaskRequest
    noise: InputNoise
    vocabulary: int = Field(ge=2)
    mask: int | None = Field(default=None, ge=0)
    before: int = Field(ge=0)
    after: int = Field(ge=0)
    selection: int = 10
    draws: int
    confidence: float = 0.95
    block: int = 10

    @model_validator(mode="after")
    def _can_be_meant(self) -> InputSpec:
        check_terms(self.draws, self.selection, self.confidence)
        if (self.noise.kind == "absorbing") != (self.mask is not None):
            raise InputError(f"noise {self.noise}", found=f"mask token {self.mask}", advice="one for absorbing alone")
        return self

    @property
    def id(self) -> str:
        """Its content, as 16 hexadecimal digits."""
        return content_hash(self.model_dump(mode="json"))[:16]

    @property
    def seed(self) -> int:
        """Of the noise: the content decides, so another spec has draws of its own."""
        return int(self.id[:15], 16)

    @property
    def scan(self) -> ScanSpec:
        """What is scored at each draw."""
        return certified_scan((self.task,), self.noise.level, self.block)

    @property
    def every_draw(self) -> tuple[InputDraw, ...]:
        """The prompts as they are, the draws that sort, the draws that certify.

        >>> task = TaskRequest(task="knowledge-1f", limit=20)
        >>> same = {"model": "a", "tokenizer": "b", "dtype": "float32", "task": task, "vocabulary": 100}
        >>> spec = InputSpec(noise=parse_noise("uniform:0.5"), before=0, after=3, selection=1, draws=2, **same)
        >>> [one.draw for one in spec.every_draw]
        ['clean', 'selection 0', 'draw 0', 'draw 1']
        """
        parts: dict[InputPart, int] = {"clean": 1, "selection": self.selection, "draw": self.draws}
        noise, examples = self.noise, self.task.limit
        return tuple(
            InputDraw(spec=self.id, part=part, number=number, noise=noise.kind, level=noise.level, examples=examples)
            for part, many in parts.items()
            for number in range(many)
        )

    @property
    def kernel(self) -> AbsorbingKernel | UniformKernel | GaussianKernel:
        """What bounds a smoothed score after a change."""
        if self.noise.kind == "absorbing":
            return AbsorbingKernel(self.noise.level)
        if self.noise.kind == "uniform":
            return UniformKernel(self.noise.level, self.vocabulary)
        return GaussianKernel(self.noise.level)


def check_terms(draws: int, selection: int, confidence: float) -> None:
    """Refuse numbers that are not valid, before a model is loaded.

    Raises:
        InputError: no draws, a confidence outside (0, 1).
    """
    if draws < 1 or selection < 1:
        raise InputError(
            f"{draws} draws and {selection} to select with", found="nothing would be looked at", advice="100 and 10"
        )
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence:g}", found="no number strictly between 0 and 1", advice="0.95")


def check_change(noise: InputNoise, change: float) -> None:
    """Refuse a change that is not valid: below 0, or half a token.

    Raises:
        InputError: it cannot be.
    """
    if not (math.isfinite(change) and change >= 0) or (noise.counts and change != int(change)):
        raise InputError(
            f"a change of {change:g}",
            found="no number of tokens" if noise.counts else "no length",
            advice="1" if noise.counts else f"{noise.level:g}",
        )
