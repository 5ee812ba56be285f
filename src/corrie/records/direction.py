"""A direction δ: one vector in parameter space, written down as where it comes from.

A record is a few bytes; its tensors (a *realised* direction) are made from it on floor 1, the same
on every machine. The id is readable, complete, and carries the version of the law that makes the
tensors: change the law and every id changes with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from pydantic import Field

from corrie.errors import InputError, UnknownName
from corrie.records.canonical import Record
from corrie.records.input_draw import InputDraw
from corrie.records.labelled import LabelledDirection
from corrie.records.paths import Adapter, Difference, Quantised, Saved, quantised
from corrie.records.subspace import Coordinates, SubspaceNoise

Normalisation = Literal["none", "unit", "layer", "filter"]
NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)

GAUSSIAN_LAW = "philox-1"
"""Version of the Gaussian noise law (``design/direction-identity.md``)."""


class Gaussian(LabelledDirection):
    """A direction whose elements are independent N(0, 1), each a function of (seed, tensor name, index).

    With normalisation ``none`` (the paper's) the step size α along it is the noise σ per coordinate.
    ``unit``: the whole direction has L2 norm 1, so α is the distance. ``layer``: each tensor has the
    norm of the model's tensor. ``filter``: each row has the norm of the model's row (Li et al. 2018).

    >>> Gaussian(seed=3).id
    'gaussian:3@philox-1'
    >>> Gaussian(seed=3, normalisation="filter").id
    'gaussian:3/filter@philox-1'
    """

    kind: Literal["gaussian"] = "gaussian"
    seed: int = Field(ge=0, lt=2**63)
    normalisation: Normalisation = "none"
    law: Literal["philox-1"] = GAUSSIAN_LAW

    @property
    def id(self) -> str:
        """Readable and complete: seed, normalisation where there is one, version of the law."""
        norm = "" if self.normalisation == "none" else f"/{self.normalisation}"
        return f"gaussian:{self.seed}{norm}@{self.law}"

    def __str__(self) -> str:
        return self.id


Direction = Annotated[
    Gaussian | Difference | Adapter | Quantised | Saved | SubspaceNoise | Coordinates | InputDraw,
    Field(discriminator="kind"),
]
"""Any kind of direction."""

MOST_SEEDS = 100_000
"""Gaussian directions of one scan."""

Unit = Normalisation | Literal["path"]
"""What one α is along a direction: as a Gaussian one is normalised, or the way to the end of a path."""


def gaussian(
    seeds: range | tuple[int, ...] | list[int] | int, normalisation: Normalisation = "none"
) -> tuple[Gaussian, ...]:
    """Gaussian directions, one for each seed (an int counts directions: seeds 0 … n−1).

    >>> [d.id for d in gaussian(range(2))]
    ['gaussian:0@philox-1', 'gaussian:1@philox-1']
    """
    listed = range(seeds) if isinstance(seeds, int) else seeds
    if isinstance(listed, range) and abs(listed.stop - listed.start) > MOST_SEEDS * abs(listed.step):
        raise _too_many(f"directions {seeds}")
    if len(listed) == 0:
        raise InputError("directions", found="no seed at all", advice="gaussian(seeds=range(8))")
    if len(set(listed)) != len(listed):
        raise InputError(f"seeds {list(listed)}"[:80], found="a seed occurs twice", advice="distinct seeds")
    return tuple(Gaussian(seed=s, normalisation=normalisation) for s in listed)


class Named(Record):
    """A direction asked for by a place, before its content was looked at (``corrie.models.directions`` does).

    kind    ``toward`` (a checkpoint), ``common`` (what it has in common with the model), ``adapter`` or ``saved``
    place   a folder, a file, or a name
    """

    kind: Literal["toward", "common", "adapter", "saved"]
    place: str

    @property
    def id(self) -> str:
        """As it is written."""
        return f"{self.kind}:{self.place}"


DIRECTION_KINDS = ("gaussian", "toward", "common", "adapter", "quantised", "saved")
"""What a direction on the command line may begin with."""


def parse_directions(text: str, normalisation: str = "none") -> tuple[Gaussian | Quantised | Named, ...]:
    """Directions as written on the command line: ``gaussian:A``, ``gaussian:A-B`` (both included), ``gaussian:A,B``;
    ``toward:CHECKPOINT``, ``common:CHECKPOINT``, ``adapter:FOLDER``, ``quantised:int8``, ``saved:FILE``.

    >>> [d.seed for d in parse_directions("gaussian:0-2,7")]
    [0, 1, 2, 7]
    >>> [d.id for d in parse_directions("toward:my-finetune/")]
    ['toward:my-finetune/']
    """
    chosen: Normalisation | None = next((n for n in NORMALISATIONS if n == normalisation), None)
    if chosen is None:
        raise UnknownName("normalisation", normalisation, NORMALISATIONS)
    kind, _, rest = text.partition(":")
    if kind not in DIRECTION_KINDS:
        raise UnknownName("direction", kind, DIRECTION_KINDS)
    if kind != "gaussian" and chosen != "none":
        raise InputError(
            f"direction {text!r}, normalisation {chosen}",
            found="only Gaussian directions can be normalised: α = 1 is where this one leads",
            advice="--normalisation none",
        )
    if kind == "quantised":
        return (quantised(rest),)
    if kind == "toward" or kind == "common" or kind == "adapter" or kind == "saved":
        if not rest:
            raise InputError(f"direction {text!r}", found="it does not say where", advice=f"{kind}:PATH")
        return (Named(kind=kind, place=rest),)
    seeds: list[int] = []
    try:
        for part in rest.split(","):
            low, dash, high = part.partition("-")
            span = range(int(low), int(high) + 1) if dash else range(int(low), int(low) + 1)
            if not span or not 0 <= span[0] <= span[-1] < 2**63:
                raise ValueError
            if len(seeds) + span[-1] - span[0] >= MOST_SEEDS:
                raise _too_many(f"direction {text[:80]!r}")
            seeds.extend(span)
    except ValueError:
        raise InputError(
            f"direction {text[:80]!r}", found=f"{rest[:80]!r} is no list of seeds", advice="gaussian:0-7 or gaussian:3"
        ) from None
    return gaussian(seeds, chosen)


def directions_asked(texts: Iterable[str], normalisation: str = "none") -> tuple[Gaussian | Quantised | Named, ...]:
    """All directions of a command line, text after text (:func:`parse_directions`), each once.

    Raises:
        InputError: one of them twice, or more than :data:`MOST_SEEDS` together.

    >>> [d.id for d in directions_asked(["gaussian:0-1", "toward:b"])]
    ['gaussian:0@philox-1', 'gaussian:1@philox-1', 'toward:b']
    """
    found: dict[str, Gaussian | Quantised | Named] = {}
    for text in texts:
        for direction in parse_directions(text, normalisation):
            if direction.id in found:
                raise InputError(
                    f"direction {text[:80]!r}", found="a direction is there twice", advice="each seed once"
                )
            found[direction.id] = direction
        if len(found) > MOST_SEEDS:
            raise _too_many(f"direction {text[:80]!r} and those before it")
    return tuple(found.values())


def _too_many(asked: str) -> InputError:
    return InputError(
        asked,
        found=f"every seed is a line of points over every example, and these are more than {MOST_SEEDS:,}",
        advice="gaussian:0-99, or several runs",
    )
