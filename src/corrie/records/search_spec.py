"""What is asked of a search for a worst direction, as one frozen value."""

from __future__ import annotations

import math
from typing import Literal, get_args

from corrie.errors import InputError, UnknownName
from corrie.records.canonical import Record
from corrie.records.model import ModelIdentity
from corrie.records.scan_spec import TaskRequest

SearchMethod = Literal["ascent", "gradient", "hessian"]
METHODS: tuple[SearchMethod, ...] = get_args(SearchMethod)

SEARCH_STEPS: dict[SearchMethod, int] = {"ascent": 20, "gradient": 0, "hessian": 50}
"""How far each method goes unless another number is given: steps of a climb, or Hessian products."""


class SearchSpec(Record):
    """Which direction of which loss at which model. Two searches of one spec find the same direction.

    model      the model at the precision it runs in, and the part of it that moves
    task       whose loss, over how many of its first examples
    method     ``ascent``: projected gradient ascent on the sphere of that distance; ``gradient``: one step of it, the
               gradient of the unmoved model; ``hessian``: the top eigenvector of the Hessian there
    distance   L2, in the numbers that move
    steps      of each climb; Hessian products at most
    restarts   further climbs from random points of the sphere
    seed       of the first random start
    """

    model: ModelIdentity
    task: TaskRequest
    distance: float
    method: SearchMethod = "ascent"
    steps: int
    restarts: int = 0
    seed: int = 0

    @classmethod
    def of(
        cls,
        model: ModelIdentity,
        task: TaskRequest,
        *,
        distance: float,
        method: str = "ascent",
        steps: int | None = None,
        restarts: int = 0,
        seed: int = 0,
    ) -> SearchSpec:
        """As a person asks for it (:func:`check_search`), with the method's own number of steps unless one is given."""
        chosen = check_search(distance=distance, method=method, steps=steps, restarts=restarts, seed=seed)
        return cls(
            model=model,
            task=task,
            distance=distance,
            method=chosen,
            steps=SEARCH_STEPS[chosen] if steps is None else steps,
            restarts=restarts,
            seed=seed,
        )

    @property
    def of_any_function(self) -> SearchSpec:
        """As it was written before the model's function was recorded; it names files."""
        return self.model_copy(update={"model": self.model.of_any_function})

    def finds_the_same_as(self, other: SearchSpec) -> bool:
        """Whether two searches are one, as far as both know the model's function."""
        same = self.of_any_function == other.of_any_function
        return same and self.model.is_the_function_of(other.model)

    @property
    def sigma(self) -> float:
        """σ-equivalent of the distance, r/√d: the σ of random noise that moves the weights as far."""
        return self.distance / math.sqrt(self.model.dimension)


def check_search(*, distance: float, method: str, steps: int | None, restarts: int, seed: int) -> SearchMethod:
    """The method of a search, if it is valid.

    >>> check_search(distance=1.0, method="ascent", steps=None, restarts=0, seed=0)
    'ascent'

    Raises:
        UnknownName: no such method.
        InputError: a distance or number that is not valid, or one that the method has no use for.
    """
    chosen: SearchMethod | None = next((m for m in METHODS if m == method), None)
    if chosen is None:
        raise UnknownName("method", method, METHODS)
    if not (math.isfinite(distance) and distance > 0):
        raise InputError(f"distance {distance:g}", found="not a length", advice="a positive L2 distance, such as 1")
    if restarts < 0 or seed < 0 or (steps is not None and steps < (chosen != "gradient")):
        raise InputError(
            f"{steps} steps, {restarts} restarts, seed {seed}",
            found="a number that is not valid",
            advice="--steps 20 --restarts 0",
        )
    if chosen == "gradient" and steps:
        raise InputError(f"method gradient, {steps} steps", found="the gradient is one step", advice="--method ascent")
    if chosen != "ascent" and restarts:
        raise InputError(
            f"method {chosen}, {restarts} restarts", found="it starts at the model only", advice="--method ascent"
        )
    return chosen
