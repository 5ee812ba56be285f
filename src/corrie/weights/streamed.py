"""The weights of a point, one tensor after the other, for a copy of the model that is held elsewhere.

θ = cast(float32(θ0) + Σ α_k δ_k), the numbers of :mod:`corrie.weights.perturbed` to the bit. The model's own tensors
are read and never written: they are the pristine copy. A Gaussian direction is drawn tensor by tensor and a path is
read tensor by tensor, so no direction is whole in memory.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.records.direction import Direction, Gaussian
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.weights.drawn_again import DrawnAgain
from corrie.weights.laying import Piece, Taken, lay
from corrie.weights.realise import parts, refuse_nothing
from corrie.weights.sources import Sources
from corrie.weights.step_taken import all_taken, step_taken

_Parts = Generator[tuple[str, Tensor], None, list[Taken]]
"""Tensors of a point; at their end what each took of the step."""


class Streamed:
    """The tensors of one point, to be iterated over once.

    Memory: one tensor of the model, and one of each direction in float32.

    Args:
        point: where to.
        own: name → the unmoved tensor, for every tensor that moves.
        sources: where content lies that a direction names by its hash.

    >>> layer = torch.ones(2, 3)
    >>> stream = Streamed(Point.along(Gaussian(seed=0), 0.5), {"w": layer})
    >>> moved = dict(stream)["w"]
    >>> bool((layer == 1).all()), bool((moved != 1).all()), round(stream.realised.cosine, 3)
    (True, True, 1.0)
    """

    def __init__(self, point: Point, own: Mapping[str, Tensor], sources: Sources | None = None) -> None:
        self._point = point
        self._own = own
        self._sources = sources or Sources()
        self._realised: Realised | None = None

    @property
    def realised(self) -> Realised:
        """What the weights took of the step; known when all of them are through."""
        if self._realised is None:
            raise RuntimeError("Streamed.realised before its end")
        return self._realised

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """(name, tensor), in the model's order. The tensors of the empty point are the model's own: not to be written.

        Raises:
            InputError: content that is not available; a direction that moves nothing, or moves two places of a tied
                tensor apart, which the copy holds as one. The tensors have come through by then.
            ModelError: files that do not hold what they should.
        """
        if not self._point.steps:
            yield from self._own.items()
            self._realised = Realised(asked=0.0, norm=0.0, cosine=None)
            return
        steps, alphas = self._point.steps, [step.alpha for step in self._point.steps]
        if len(steps) == 1 and isinstance(direction := steps[0].direction, Gaussian):
            found = yield from self._in_one_pass(DrawnAgain(direction, self._own), alphas[0])
        else:
            found = yield from self._in_step([self._parts(step.direction) for step in steps], alphas)
        taken = all_taken(found)
        for step in steps if len(steps) == 1 else ():
            refuse_nothing(step.direction, taken.asked)
        self._realised = step_taken(taken, str(self._point), next(iter(self._own.values())).dtype)

    def _in_one_pass(self, direction: DrawnAgain, alpha: float) -> _Parts:
        """Along one Gaussian direction: drawn as it is laid down, where the device can."""
        found: list[Taken] = []
        for name, base in self._own.items():
            live = torch.empty_like(base)
            taken = direction.lay(name, live, alpha)
            found.append(lay([Piece(live, base, (direction[name],))], [alpha]) if taken is None else taken)
            yield name, live
        return found

    def _in_step(self, directions: list[Iterator[tuple[str, Tensor]]], alphas: list[float]) -> _Parts:
        """Along several directions that hand on their tensors in the model's order."""
        found: list[Taken] = []
        for name, base in self._own.items():
            live = torch.empty_like(base)
            deltas = tuple(next(handed)[1] for handed in directions)
            found.append(lay([Piece(live, base, deltas)], alphas))
            del deltas
            yield name, live
        for step, left in zip(self._point.steps, directions, strict=True):
            for name, _ in left:
                raise InputError(
                    str(step.direction),
                    found=f"it moves {name} away from the tensor that it is tied to, and this engine holds both as one",
                    advice="--engine serial",
                )
        return found

    def _parts(self, direction: Direction) -> Iterator[tuple[str, Tensor]]:
        if isinstance(direction, Gaussian):
            yield from DrawnAgain(direction, self._own).items()
        else:
            yield from parts(direction, self._own, self._sources)
