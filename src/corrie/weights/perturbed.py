"""The only place that writes weights: set them to a point, put them back by copy, prove it.

A step is computed in float32 from a pristine copy, θ = cast(float32(θ0) + Σ α_k δ_k), never from where the weights
happen to be: nothing drifts, and a point's weights do not depend on the points before it. What the model's precision
made of the step is measured while it is written (``design/low-precision.md``).

A direction may move two places of one tied tensor apart (an adapter on the output head of a model whose head is its
embedding). While the weights are at such a point, the second place holds a tensor of its own; along every other
direction of the point it moves as the first does. Afterwards it is the tied tensor again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from torch import Tensor, nn

from corrie.errors import InputError, RestoreError
from corrie.records.direction import Direction, Gaussian
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.weights.available import available_memory
from corrie.weights.claims import Claim
from corrie.weights.drawn_again import Drawing, DrawnAgain
from corrie.weights.fingerprint import fingerprint
from corrie.weights.laying import Piece, Taken, lay
from corrie.weights.realise import realise
from corrie.weights.selection import Selection, select
from corrie.weights.shard import Processes, forget_gathered, local_part
from corrie.weights.sources import Sources
from corrie.weights.step_taken import step_taken
from corrie.weights.uninterrupted import Lent, Uninterrupted


class Moving:
    """Weights that can be set to points, between :func:`moving`'s entry and exit.

    Memory: one pristine copy of what moves, and the last used directions (as many as one point has). Where there is no
    room for a Gaussian direction, its tensors are drawn again at every point, one after the other.

    Tensors may lie on several devices. Of those that are sharded over processes (DTensor: FSDP2, tensor parallelism),
    each process moves, restores and verifies its own part, and all must go to the same points.

    Args:
        draw: whether Gaussian directions are kept or drawn again at every point (:data:`Drawing`).

    Raises:
        ModelError: sharded over several meshes, or in another way than by rows or columns.
    """

    def __init__(self, selection: Selection, sources: Sources | None = None, draw: Drawing = "auto") -> None:
        self._sources = sources or Sources()
        self._draw: Drawing = draw
        self._together = Processes.of(selection.tensors.values())
        self._gathering = selection.gathering
        self._whole: dict[str, Tensor] = {n: p.data.clone() for n, p in selection.tensors.items()}
        self._live: dict[str, Tensor] = {n: local_part(p.data) for n, p in selection.tensors.items()}
        self._pristine: dict[str, Tensor] = {n: local_part(t) for n, t in self._whole.items()}
        self._tied = selection.tied
        self._parted: dict[str, nn.Parameter] = {}
        self._directions: dict[str, Mapping[str, Tensor]] = {}
        self._fingerprint = fingerprint(self._pristine)
        self._moved = False

    def to(self, point: Point) -> Realised:
        """Write the weights of a point, from the pristine copy; how much of the asked step they took.

        Raises:
            InputError, ModelError: a direction whose tensors are not available (:func:`corrie.weights.realise`).
        """
        if not point.steps:
            self.home()
            return Realised(asked=0.0, norm=0.0, cosine=None)
        wanted = {s.direction.id for s in point.steps}
        self._directions = {k: v for k, v in self._directions.items() if k in wanted}
        for step in point.steps:
            if step.direction.id not in self._directions:
                self._directions[step.direction.id] = self._tensors(step.direction)
        moves = [(self._directions[s.direction.id], s.alpha) for s in point.steps]
        apart = {name for tensors, _ in moves for name in tensors} - set(self._tied_together)
        if set(self._parted) - apart:
            self.home()
        with Uninterrupted():
            for name in sorted(apart):
                self._part(name)
        return self._write(moves, str(point))

    def by(self, tensors: Mapping[str, Tensor], alpha: float = 1.0, *, lattice: int | None = None) -> Realised:
        """Write θ0 + α·δ for a δ in hand, such as the present direction of a search; it has no record yet.

        Args:
            tensors: name → δ's part, float32, for every tensor that moves.
            alpha: the step size.
            lattice: e; θ0 is rounded to multiples of 2^e and the sum is made in float64, exact for an α·δ on the same
                lattice, before it is cast to the model's precision.

        Raises:
            InputError: the model is sharded over processes.
        """
        self._refuse_shards()
        return self._write([(tensors, alpha)], f"θ0 + {alpha:g}·δ", lattice)

    @property
    def pristine(self) -> Mapping[str, Tensor]:
        """The unmoved tensors. Not to be written to.

        Raises:
            InputError: the model is sharded over processes.
        """
        self._refuse_shards()
        return MappingProxyType(self._pristine)

    def _refuse_shards(self) -> None:
        if self._together.mesh is not None:
            raise InputError(
                "a search, or noise in a subspace, on a model that is sharded over processes",
                found="each process has a part of every tensor alone",
                advice="the model in one process (--device-map spreads it over several devices)",
            )

    def _write(
        self, moves: Sequence[tuple[Mapping[str, Tensor], float]], what: str, lattice: int | None = None
    ) -> Realised:
        """Write θ0 + Σ α_k δ_k: the one place where a weight is set."""
        self._moved = True
        if self._together.mesh is not None or any(isinstance(tensors, DrawnAgain) for tensors, _ in moves):
            found = [(self._lay([name], moves, lattice), self._share(name)) for name in self._live]
            sums = [math.fsum(t[term] * share for t, share in found) for term in range(3)]
            taken = Taken(*self._together.sums(sums))
        else:
            taken = self._lay(self._live, moves, lattice)
        self._forget_gathered()
        return step_taken(taken, what, next(iter(self._live.values())).dtype, stacklevel=3)

    def _lay(
        self, names: Collection[str], moves: Sequence[tuple[Mapping[str, Tensor], float]], lattice: int | None
    ) -> Taken:
        """Write some of the tensors."""
        (tensors, alpha), *others = moves
        if isinstance(tensors, DrawnAgain) and not others and lattice is None:
            (name,) = names
            taken = tensors.lay(name, self._live[name], alpha)
            if taken is not None:
                return taken
        pieces = []
        for name in names:
            live = self._live[name]
            deltas = tuple(self._of(tensors, name).to(live.device) for tensors, _ in moves)
            pieces.append(Piece(live, self._pristine[name], deltas))
        return lay(pieces, [alpha for _, alpha in moves], lattice)

    def _tensors(self, direction: Direction) -> Mapping[str, Tensor]:
        """A direction's parts, all of them or as they are asked for; of sharded tensors, what lies here of them."""
        if isinstance(direction, Gaussian) and self._draws_again():
            return DrawnAgain(direction, self._whole)
        return realise(direction, self._whole, self._sources).tensors

    def _draws_again(self) -> bool:
        if self._draw == "auto":
            own = [self._pristine[name] for name in self._whole]
            crowded = any(_is_crowded([t for t in own if t.device == d]) for d in {t.device for t in own})
            return any(self._together.sums([float(crowded)]))  # one answer for all processes
        return self._draw == "again"

    def home(self) -> None:
        """Put the pristine weights back, by copy, and tie again what was parted."""
        if self._moved or self._parted:
            with Uninterrupted():
                for name, live in self._live.items():
                    live.copy_(self._pristine[name])
                while self._parted:
                    name = next(iter(self._parted))
                    setattr(self._tied[name].owner, self._tied[name].attribute, self._parted[name])
                    self._live.pop(name, None)
                    self._pristine.pop(name, None)
                    del self._parted[name]
                self._forget_gathered()
                self._moved = False

    @property
    def _tied_together(self) -> list[str]:
        """The names that move, each tied tensor once."""
        return list(self._whole)

    def _part(self, name: str) -> None:
        """Give the second place of a tied tensor a tensor of its own."""
        if name in self._parted:
            return
        place = self._tied[name]
        if self._together.mesh is not None:
            raise InputError(
                f"moving {name} away from {place.name}, to which it is tied",
                found="the model is sharded over processes, which hold the two as one tensor",
                advice="the model in one process, or an adapter without embeddings and head",
            )
        one: nn.Parameter = getattr(place.owner, place.attribute)
        own = nn.Parameter(self._pristine[place.name].clone(), requires_grad=one.requires_grad)
        self._parted[name] = one
        self._pristine[name] = self._pristine[place.name]
        setattr(place.owner, place.attribute, own)
        self._live[name] = own.data

    def _of(self, tensors: Mapping[str, Tensor], name: str) -> Tensor:
        """A direction's part for one tensor: of the tied one, where the direction does not know the two apart."""
        return tensors[name] if name in tensors or name not in self._parted else tensors[self._tied[name].name]

    def _share(self, name: str) -> float:
        """1 over the processes in which a tensor, or its part, is the same."""
        return self._together.share(self._whole[name if name in self._whole else self._tied[name].name])

    def _forget_gathered(self) -> None:
        for module in self._gathering:
            forget_gathered(module)

    def verify(self) -> None:
        """Compare the weights with what they were, bit for bit; of a sharded model, what lies in this process.

        Raises:
            RestoreError: they differ.
        """
        if fingerprint(self._live) != self._fingerprint:
            raise RestoreError(
                "weights put back", found="they differ from what they were", advice="reload the model; please report"
            )


def _is_crowded(tensors: Sequence[Tensor]) -> bool:
    """Whether a direction in float32 would take more than half of the memory that is available on their device."""
    there = available_memory(tensors[0].device)
    return there is not None and 4 * sum(t.numel() for t in tensors) > there / 2


class _Loan:
    """What entering and leaving :func:`moving` do."""

    def __init__(self, selection: Selection, sources: Sources | None, draw: Drawing) -> None:
        self._selection = selection
        self._sources = sources
        self._draw: Drawing = draw
        self._claim: Claim | None = None
        self._weights: Moving | None = None

    def take(self) -> Moving:
        with Uninterrupted():  # the fingerprint's threads, too, do not survive a handler that raises while they start
            self._claim = Claim(self._selection.tensors.values())
            self._weights = Moving(self._selection, self._sources, self._draw)
            return self._weights

    def give_back(self) -> None:
        if self._weights is not None:
            try:
                self._weights.home()
            except BaseException:
                try:
                    self._weights.home()
                finally:
                    self._weights.verify()
                raise
            self._weights.verify()
        if self._claim is not None:
            self._claim.release()
        self._weights = self._claim = None


def moving(selection: Selection, sources: Sources | None = None, draw: Drawing = "auto") -> Lent[Moving]:
    """Lend the weights out: ``with moving(selection) as weights: weights.to(point)``.

    On leaving, also by an exception or a signal, they are restored by copy and verified by fingerprint.

    Raises:
        InputError: another thread has moved them, and not put them back yet.
        RestoreError: they could not be put back bit for bit.
    """
    loan = _Loan(selection, sources, draw)
    return Lent(loan.take, loan.give_back)


class HasSelection(Protocol):
    """A loaded model (``corrie.load``): its selection says which tensors move, its sources where directions lie, and
    ``draw`` whether directions are kept."""

    @property
    def selection(self) -> Selection: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def draw(self) -> Drawing: ...


def perturbed(model: nn.Module | HasSelection, point: Point) -> Lent[Realised]:
    """A model with its weights at a point, for the time of a ``with`` block.

    Args:
        model: a model of ``corrie.load``, or any ``nn.Module`` (all its floating-point parameters move).
        point: where to.

    Yields:
        What the weights really moved: L2 norm, and cosine to the asked step.

    Raises:
        InputError: another thread has moved them, and not put them back yet.
        RestoreError: the weights could not be put back bit for bit.

    >>> from corrie.records.direction import Gaussian
    >>> layer = nn.Linear(3, 3)
    >>> before = layer.weight.clone()
    >>> with perturbed(layer, Point.along(Gaussian(seed=0), 0.1)) as realised:
    ...     changed = bool((layer.weight != before).any())
    >>> changed, bool((layer.weight == before).all()), round(realised.cosine, 3)
    (True, True, 1.0)
    """
    if isinstance(model, nn.Module):
        loan = _Loan(select(model), None, "auto")
    else:
        loan = _Loan(model.selection, model.sources, model.draw)
    return Lent(lambda: loan.take().to(point), loan.give_back)
