"""Where a certificate's noise lives: a linear map from a few coordinates to a model's weights, as a record.

A *subspace* is x ∈ R^k ↦ θ0 + L x with a fixed linear L. Noise is drawn on x, N(0, σ²I_k), and distances are ‖x' − x‖₂,
whatever L is (``design/subspace-certificates.md``). A record names L by the law or the content that makes it; the
tensors are made on floor 2 (:mod:`corrie.subspaces.space`).
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from corrie.errors import InputError, UnknownName
from corrie.records.canonical import Record, content_hash
from corrie.records.labelled import LabelledDirection
from corrie.records.paths import Adapter, Difference, Digest, Saved

Scale = Literal["one", "rms"]

MOST_DIRECTIONS = 256
"""Random directions of one subspace: all of them are drawn anew at every place."""

_SEEDS = 2**62


class FullSpace(Record):
    """Every number of the tensors that move. L is diagonal.

    scale   ``one``: x is the weight change itself. ``rms``: each tensor's x counts in units of the tensor's root mean
            square, L = diag(rms), so σ is relative and every tensor has a σ_i = σ · rms_i of its own

    >>> FullSpace().id, FullSpace(scale="rms").id
    ('full@1', 'full/rms@1')
    """

    kind: Literal["full"] = "full"
    scale: Scale = "one"
    law: Literal["1"] = "1"

    @property
    def id(self) -> str:
        """Readable and complete."""
        return f"full{'' if self.scale == 'one' else '/rms'}@{self.law}"

    @property
    def measure(self) -> str:
        """What a distance is here, in words."""
        if self.scale == "one":
            return "‖Δθ‖₂"
        return "‖Δθ/rms‖₂, each tensor's change in units of the tensor's root mean square"

    def __str__(self) -> str:
        of = "" if self.scale == "one" else ", each tensor in units of its root mean square"
        return f"all weights{of}"


class RowSpace(Record):
    """Low-rank changes of linear layers: ΔW = B A with A fixed, or ΔW = U M A with A and U fixed.

    free      ``up``: x is every B (an adapter with frozen A). ``core``: x is every M, r × r numbers a layer
    content   hash of the fixed matrices, by layer
    rank      r
    layers    how many layers
    name      how it was asked for, or where it lies; no part of the id

    >>> RowSpace(free="up", content="a" * 64, rank=1, layers=30, name="adapter:q_proj:1").id
    'adapter:aaaaaaaaaaaaaaaa@rows-1'
    """

    kind: Literal["rows"] = "rows"
    free: Literal["up", "core"]
    content: Digest
    rank: int = Field(gt=0)
    layers: int = Field(gt=0)
    law: Literal["rows-1"] = "rows-1"
    name: str = ""

    @property
    def id(self) -> str:
        """Readable and complete: which family, hash of what is fixed, version of the law."""
        return f"{'adapter' if self.free == 'up' else 'core'}:{self.content[:16]}@{self.law}"

    @property
    def measure(self) -> str:
        """What a distance is here, in words.

        >>> RowSpace(free="up", content="a" * 64, rank=1, layers=30).measure
        '‖B‖_F over all its layers (not ‖ΔW‖)'
        """
        return f"‖{'B' if self.free == 'up' else 'M'}‖_F over all its layers (not ‖ΔW‖)"

    def __str__(self) -> str:
        what = "B of ΔW = B A, A frozen" if self.free == "up" else "M of ΔW = U M A, U and A frozen"
        return f"{what}, rank {self.rank}, {self.layers} layers ({self.name or self.id})"


class Span(Record):
    """The span of a few given weight changes, such as task vectors, orthonormalised: ‖x‖ is the L2 distance.

    >>> one = Difference(base="a" * 64, tuned="b" * 64, tuned_name="tuned")
    >>> print(Span(of=(one,)))
    the span of the ways to tuned
    """

    kind: Literal["span"] = "span"
    of: tuple[Annotated[Difference | Adapter | Saved, Field(discriminator="kind")], ...] = Field(min_length=1)
    law: Literal["span-1"] = "span-1"

    @property
    def id(self) -> str:
        """Hash of the directions' ids, in their order."""
        return f"span:{content_hash([d.id for d in self.of])[:16]}@{self.law}"

    @property
    def measure(self) -> str:
        """What a distance is here, in words."""
        return "‖Δθ‖₂ in the span"

    def __str__(self) -> str:
        return f"the span of the ways to {' and '.join(d.label for d in self.of)}"


class RandomSpace(Record):
    """The span of random directions, L x = Σ_j x_j g_j/√d with g_j the Gaussian directions of seeds seed, seed + 1, …

    >>> RandomSpace(count=4).id
    'random:4/seed0@philox-1'
    """

    kind: Literal["random"] = "random"
    count: int = Field(gt=0, le=MOST_DIRECTIONS)
    seed: int = Field(default=0, ge=0, lt=_SEEDS)
    law: Literal["philox-1"] = "philox-1"

    @property
    def id(self) -> str:
        """Readable and complete."""
        return f"random:{self.count}/seed{self.seed}@{self.law}"

    @property
    def measure(self) -> str:
        """What a distance is here, in words."""
        return "‖x‖₂ of its coordinates"

    def __str__(self) -> str:
        return f"the span of {self.count} random direction{'s' * (self.count > 1)}"


Subspace = Annotated[FullSpace | RowSpace | Span | RandomSpace, Field(discriminator="kind")]
"""Any kind of subspace."""


class SubspaceNoise(LabelledDirection):
    """Gaussian noise on the coordinates of a subspace: the step size along it is σ.

    subspace   the subspace's id
    seed       of the noise law (``design/direction-identity.md``), with the coordinates' names
    lattice    e: the noise is rounded to multiples of 2^e, so that sums are exact; None: as drawn

    >>> SubspaceNoise(subspace="full@1", seed=7, lattice=-20).id
    'noise:7/2^-20/full@1@philox-1'
    """

    kind: Literal["noise"] = "noise"
    subspace: str
    seed: int = Field(ge=0, lt=2**63)
    lattice: int | None = None
    law: Literal["philox-1"] = "philox-1"

    @property
    def normalisation(self) -> Literal["none"]:
        """α is σ."""
        return "none"

    @property
    def id(self) -> str:
        """Readable and complete."""
        rounded = "" if self.lattice is None else f"/2^{self.lattice}"
        return f"noise:{self.seed}{rounded}/{self.subspace}@{self.law}"

    def __str__(self) -> str:
        return self.id


class Coordinates(LabelledDirection):
    """A place in a subspace, such as a fine-tuned adapter: α = 1 is there.

    subspace   the subspace's id
    content    hash of the coordinates
    name       where they lay; no part of the id
    """

    kind: Literal["coordinates"] = "coordinates"
    subspace: str
    content: Digest
    name: str = ""

    @property
    def normalisation(self) -> Literal["path"]:
        """α = 1 is where it leads."""
        return "path"

    @property
    def id(self) -> str:
        """Hash of the coordinates and the subspace."""
        return f"coordinates:{self.content[:16]}/{self.subspace}"

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name else self.id


class AskedSubspace(NamedTuple):
    """A subspace as it was asked for, before a model was looked at.

    kind    ``full``, ``adapter``, ``core``, ``span`` or ``random``
    scale   of ``full``
    layers  pattern of the layers' names, for an adapter or core that is made by the law
    number  rank, or how many random directions
    seed    of the law
    places  folders or files, for what lies in files
    """

    kind: str
    scale: Scale = "one"
    layers: str = ""
    number: int = 1
    seed: int = 0
    places: tuple[str, ...] = ()


_EXAMPLES = (
    "full",
    "full:rms",
    "adapter:q_proj:1",
    "adapter:FOLDER",
    "core:q_proj:1",
    "core:FILE",
    "span:A,B",
    "random:8",
)


def parse_subspace(text: str) -> AskedSubspace:
    """A subspace as written on the command line.

    ``full``, ``full:rms``; ``adapter:LAYERS:RANK`` (a random frozen A; ``:seedN`` for another one) or
    ``adapter:FOLDER`` (that adapter's own A); ``core:LAYERS:RANK`` or ``core:FILE``; ``span:PLACE,PLACE``;
    ``random:COUNT``.

    Raises:
        UnknownName: no such kind.
        InputError: no rank, a dimension of 0, no place.

    >>> parse_subspace("adapter:q_proj:1")
    AskedSubspace(kind='adapter', scale='one', layers='q_proj', number=1, seed=0, places=())
    >>> parse_subspace("span:a/,b/").places
    ('a/', 'b/')
    """
    kind, _, rest = text.partition(":")
    if kind not in ("full", "adapter", "core", "span", "random"):
        raise UnknownName("subspace", kind, _EXAMPLES)
    if kind == "full":
        if rest not in ("", "rms"):
            raise InputError(f"subspace {text!r}", found=f"{rest!r} is no scale", advice="full or full:rms")
        return AskedSubspace(kind, scale="rms" if rest else "one")
    if not rest:
        raise InputError(f"subspace {text!r}", found="it does not say which", advice=", ".join(_EXAMPLES))
    if kind == "span":
        places = tuple(p for p in rest.split(",") if p)
        if not places:
            raise InputError(f"subspace {text!r}", found="no place: a subspace of dimension 0", advice="span:A,B")
        return AskedSubspace(kind, places=places)
    head, seed = _seed(rest)
    if kind == "random":
        return AskedSubspace(kind, number=_count(text, head, "directions", MOST_DIRECTIONS), seed=seed)
    layers, colon, rank = head.rpartition(":")
    if colon and rank.removeprefix("-").isdecimal():
        return AskedSubspace(kind, layers=layers, number=_count(text, rank, "rank"), seed=seed)
    return AskedSubspace(kind, places=(rest,))


def _seed(text: str) -> tuple[str, int]:
    head, colon, last = text.rpartition(":seed")
    if not (colon and last.isdecimal()):
        return text, 0
    if int(last) >= _SEEDS:
        raise InputError(f"seed {last} of a subspace", found="too large", advice="a number below 2^62")
    return head, int(last)


def _count(asked: str, text: str, what: str, most: int | None = None) -> int:
    if not text.removeprefix("-").isdecimal():
        raise InputError(f"subspace {asked!r}", found=f"{text!r} is no number of {what}", advice=", ".join(_EXAMPLES))
    if int(text) < 1:
        raise InputError(f"subspace {asked!r}", found=f"{what} {text}: a subspace of dimension 0", advice="1 or more")
    if most is not None and int(text) > most:
        raise InputError(f"subspace {asked!r}", found=f"more than {most} {what}", advice="an adapter, or full")
    return int(text)
