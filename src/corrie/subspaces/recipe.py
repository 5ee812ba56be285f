"""How a subspace is made again, on another copy of the same model.

A subspace hangs on one module: its weights, or its layers. What it *is* does not: a law and a seed, the directions that
span it, or the matrices that are frozen in each layer. That much goes to another process, once; coordinates follow from
the seeds of the points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from corrie.errors import InputError, RunError
from corrie.models.model import Model
from corrie.records.subspace import FullSpace, RandomSpace, RowSpace, Span
from corrie.subspaces.row_space import FixedMatrices, LowRankSpace
from corrie.subspaces.space import Space
from corrie.subspaces.written_space import WrittenSpace, full_space, random_space, span


@dataclass(frozen=True, eq=False)
class SpaceRecipe:
    """What makes the same subspace elsewhere.

    spec      its record
    lattice   e, of the full space on a lattice
    fixed     layer name → what is frozen there, of a space of rows

    >>> from corrie.subspaces.row_space import random_rows
    >>> from corrie.testing.toy_models import toy_model
    >>> recipe = SpaceRecipe.of(random_rows(toy_model().module, "q_proj", 1))
    >>> print(recipe.on(toy_model()))
    B of ΔW = B A, A frozen, rank 1, 2 layers (adapter:q_proj:1): 64 coordinates
    """

    spec: FullSpace | Span | RandomSpace | RowSpace
    lattice: int | None
    fixed: Mapping[str, FixedMatrices]

    @classmethod
    def of(cls, space: Space) -> SpaceRecipe:
        """That of a space.

        Raises:
            InputError: a space of a kind that is not corrie's own.
        """
        if isinstance(space, LowRankSpace):
            return cls(space.spec, None, space.fixed)
        if isinstance(space, WrittenSpace):
            return cls(space.spec, space.lattice, {})
        raise InputError(
            f"{space.spec} in another process",
            found=f"nothing says how a {type(space).__name__} is made again",
            advice="the engine serial",
        )

    def on(self, model: Model) -> Space:
        """The subspace of this copy of the model.

        Raises:
            InputError, ModelError: as when it was made first.
            RunError: it is another subspace here.
        """
        found: Space
        if isinstance(self.spec, FullSpace):
            found = full_space(model.selection, self.spec, self.lattice)
        elif isinstance(self.spec, RandomSpace):
            found = random_space(model.selection, self.spec)
        elif isinstance(self.spec, Span):
            found = span(model.selection, self.spec, model.sources)
        else:
            found = LowRankSpace.of(model.module, self.fixed, self.spec.name)
        if found.spec != self.spec:
            raise RunError(f"{self.spec} on a copy of the model", found=f"it is {found.spec} there")
        return found
