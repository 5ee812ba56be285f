"""The copy of a model that is trained: which of its tensors change, and which the noise moves."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from corrie.errors import InputError
from corrie.models.model import Model
from corrie.optim.choosing import choose
from corrie.weights.selection import named_parameters
from corrie.widening.low_rank import Adapted


@dataclass(frozen=True)
class Student:
    """A copy of a model's module.

    module    what is asked
    trained   name → tensor that is updated: the chosen ones, or the adapters'
    moved     name → tensor that the noise moves: all that move of the model, trained or not
    adapted   its adapters; None where the weights themselves are trained
    """

    module: nn.Module
    trained: dict[str, nn.Parameter]
    moved: dict[str, nn.Parameter]
    adapted: Adapted | None = None

    @classmethod
    def of(cls, model: Model, patterns: tuple[str, ...], rank: int | None, seed: int) -> Student:
        """Copy a model.

        Args:
            patterns: shell patterns of the tensors that are trained, of those that move.
            rank: of adapters in their place.
            seed: of the adapters' start.

        Raises:
            InputError: a pattern that names nothing, or nothing that moves; PEFT is not installed.

        >>> from corrie.testing.toy_models import toy_model
        >>> model = toy_model()
        >>> student = Student.of(model, ("*norm*",), None, 0)
        >>> len(student.trained), len(student.moved) == len(model.selection.tensors)
        (5, True)
        """
        module = copy.deepcopy(model.module)
        own = named_parameters(module)
        moved = {n: own[n] for n in model.selection.tensors}
        if rank is not None:
            adapted = Adapted.of(module, rank, model.identity.name, seed)
            return cls(adapted.module, adapted.trained, moved, adapted)
        chosen = frozenset(choose(module, *patterns))
        trained = {n: p for n, p in moved.items() if p in chosen}
        if not trained:
            raise InputError(
                f"tensors {'+'.join(patterns)}", found="none of them is among those that move", advice="--tensors '*'"
            )
        for parameter in own.values():
            parameter.requires_grad_(False)
        for parameter in trained.values():
            parameter.requires_grad_(True)
        return cls(module, trained, moved)

    def __str__(self) -> str:
        count = sum(p.numel() for p in self.trained.values())
        if self.adapted is not None:
            return f"adapters of {count:,} numbers trained"
        return f"{len(self.trained)} tensors of {count:,} numbers trained"

    def whole(self, folder: Path) -> nn.Module:
        """The trained module without adapters: they are written into a folder of that one, then merged."""
        return self.module if self.adapted is None else self.adapted.merged(folder / "adapter")
