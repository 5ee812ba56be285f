"""Directions with an end: to another checkpoint, by an adapter, by rounding, to what was found and saved.

A record holds no tensors, only what names them: hashes of content, or the law by which they follow from the model's own
weights. Names of files and models are kept beside, for people; they are no part of an id.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from corrie.errors import InputError, UnknownName
from corrie.records.labelled import LabelledDirection

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 of content, 64 hexadecimal digits; an id shows the first 16 of them."""

QUANTISED_BLOCKS: dict[str, int | None] = {"int8": None, "int4": 64}
"""Numbers that share one scale, by the name of a grid; None is a whole row."""


class PathDirection(LabelledDirection):
    """A direction with an end: α = 0 is the model, α = 1 where the path leads. Beyond 1 and below 0 is extrapolation.

    Base of the kinds whose numbers come from files or from the model itself. They are not random, so α is no σ along
    them and they have no basin radius.
    """

    @property
    def normalisation(self) -> Literal["path"]:
        """What one α is: the way to the end. Directions of different units never share a landscape."""
        return "path"


class Difference(PathDirection):
    """From one checkpoint to another: δ = θ_tuned − θ_base, subtracted in float32.

    base, tuned             hashes of the two weights: a checkpoint's tensors as stored, or the fingerprint of the
                            model that is moved, at the precision it runs in
    base_name, tuned_name   what they were called; no part of the id
    law                     ``minus-1``; ``minus-common-1`` where only what both have is compared (the first rows of a
                            vocabulary of another size, the embedding and not the head that is tied to it here)

    >>> Difference(base="a" * 64, tuned="b" * 64, base_name="small", tuned_name="small-chat").id
    'difference:aaaaaaaaaaaaaaaa..bbbbbbbbbbbbbbbb@minus-1'
    """

    kind: Literal["difference"] = "difference"
    base: Digest
    tuned: Digest
    law: Literal["minus-1", "minus-common-1"] = "minus-1"
    base_name: str = ""
    tuned_name: str = ""

    @property
    def id(self) -> str:
        """Readable and complete: what of, and the version of the law."""
        return f"difference:{self.base[:16]}..{self.tuned[:16]}@{self.law}"

    @property
    def given_name(self) -> str:
        """What the checkpoint was called that it leads to."""
        return self.tuned_name

    @property
    def axis(self) -> str:
        """Where it leads."""
        return f"toward {self.tuned_name or self.tuned[:8]}"

    @property
    def way(self) -> str:
        """The same after a step size."""
        return self.axis

    def __str__(self) -> str:
        return f"{self.id} ({self.base_name or 'base'} → {self.tuned_name or 'tuned'})"


class Adapter(PathDirection):
    """What merging a LoRA adapter adds to the weights: δ = s·B A for each adapted matrix.

    content   hash of the adapter's tensors and of what of its configuration changes δ
    law       ``lora-1``; ``lora-2`` where the model's own layout decides what the files leave open (a layer that stores
              its matrix the other way round than ``fan_in_fan_out`` says, one place of a tied tensor)
    name      what it was called; no part of the id

    >>> Adapter(content="c" * 64, name="my-adapter").id
    'adapter:cccccccccccccccc@lora-1'
    """

    kind: Literal["adapter"] = "adapter"
    content: Digest
    law: Literal["lora-1", "lora-2"] = "lora-1"
    name: str = ""

    @property
    def id(self) -> str:
        """Readable and complete: what of, and the version of the law."""
        return f"adapter:{self.content[:16]}@{self.law}"

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name else self.id


class Quantised(PathDirection):
    """Rounding of the model's own weights to integers, as a weight change: δ = Q(θ0) − θ0.

    Symmetric round-to-nearest: numbers x that share a scale become s·round(x/s), s = max|x|/(2^(bits−1) − 1).

    bits    8 or 4
    block   numbers along a row that share a scale; None is the whole row
    law     ``rtn-1``: matrices are rounded; embeddings, the output head, norms and biases stay

    >>> Quantised(bits=8).id, Quantised(bits=4, block=64).id
    ('quantised:int8/row@rtn-1', 'quantised:int4/block64@rtn-1')
    """

    kind: Literal["quantised"] = "quantised"
    bits: Literal[8, 4]
    block: int | None = Field(default=None, gt=0)
    law: Literal["rtn-1"] = "rtn-1"

    @property
    def id(self) -> str:
        """Readable and complete: width, grid, and the version of the law."""
        grid = "row" if self.block is None else f"block{self.block}"
        return f"quantised:int{self.bits}/{grid}@{self.law}"

    def __str__(self) -> str:
        return self.id


class Saved(PathDirection):
    """Tensors that were found once and kept in a file, such as a worst-case direction.

    content   hash of the tensors: names, types, shapes, bytes
    name      the file's name; no part of the id
    origin    where they come from, in words; no part of the id

    >>> Saved(content="d" * 64, name="worst.safetensors").id
    'saved:dddddddddddddddd@tensors-1'
    """

    kind: Literal["saved"] = "saved"
    content: Digest
    law: Literal["tensors-1"] = "tensors-1"
    name: str = ""
    origin: str = ""

    @property
    def id(self) -> str:
        """Readable and complete: what of, and the version of the law."""
        return f"saved:{self.content[:16]}@{self.law}"

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name else self.id


def quantised(grid: str) -> Quantised:
    """Rounding by the name of a grid: ``int8`` (a scale for each row), ``int4`` (a scale for each 64 numbers of a row),
    or either with a grid of its own: ``int8/block128``, ``int4/row``.

    >>> quantised("int4").id, quantised("int4/row").id
    ('quantised:int4/block64@rtn-1', 'quantised:int4/row@rtn-1')

    Raises:
        UnknownName: no such width.
        InputError: no such grid.
    """
    width, slash, rest = grid.partition("/")
    if width not in QUANTISED_BLOCKS:
        raise UnknownName("quantised grid", width, QUANTISED_BLOCKS)
    size = rest.removeprefix("block")
    if not slash:
        block = QUANTISED_BLOCKS[width]
    elif rest == "row":
        block = None
    elif rest.startswith("block") and size.isascii() and size.isdigit() and len(size) < 10 and int(size):
        block = int(size)
    else:
        raise InputError(
            f"quantised grid {grid!r}", found=f"{rest!r} is no grid", advice=f"{width}/row, {width}/block64"
        )
    return Quantised(bits=8 if width == "int8" else 4, block=block)
