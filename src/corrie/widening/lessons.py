"""The text of a run as batches, with what the unmoved model says of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import InputError
from corrie.widening.divergence import divergence_of
from corrie.widening.rounds import in_round

USUAL_ROOM = 2**30
"""Bytes of kept outputs of the unmoved model: about 5,000 tokens of a vocabulary of 50,000 in float32."""


class Lessons:
    """Batches of windows, each always of the same rows, in an order of its own in every round over the text.

    Args:
        teacher: the unmoved model. Its weights must be θ0 whenever a lesson is taken.
        rows: the text as token ids, shape (windows, tokens).
        size: windows of a batch; what does not fill one is left out.
        seed: of the order.
        room: bytes for what the teacher says: batches are kept while they fit, and others asked again each time.

    Batches keep their rows, and the teacher reads a batch as the student does, so that the same weights say the same
    to the bit, and what is kept is what would be said again.

    Raises:
        InputError: fewer windows than a batch has.
    """

    def __init__(self, teacher: nn.Module, rows: Tensor, size: int, seed: int = 0, room: int = USUAL_ROOM) -> None:
        if len(rows) < size:
            raise InputError(
                f"{size} texts a step",
                found=f"there are {len(rows)} of {rows.shape[1]} tokens",
                advice="more --text, a smaller --window, or fewer --windows",
            )
        self._teacher: Any = teacher
        device = next(teacher.parameters()).device
        self._batches = [b.to(device) for b in rows.split(size) if len(b) == size]
        self._seed, self._room = seed, room
        self._kept: dict[int, Tensor] = {}

    @property
    def tokens(self) -> int:
        """Of one batch."""
        return self._batches[0].numel()

    def number(self, step: int) -> int:
        """Which batch a step reads.

        >>> from corrie.testing.toy_models import toy_module
        >>> lessons = Lessons(toy_module(), torch.arange(60).view(6, 10), 2)
        >>> sorted(lessons.number(step) for step in range(3, 6))
        [0, 1, 2]
        """
        return in_round(step, len(self._batches), self._seed)

    def unmoved(self, number: int) -> Tensor:
        """What the teacher says of a batch: log probabilities, shape (windows, tokens, vocabulary)."""
        known = self._kept.get(number)
        if known is None:
            with torch.no_grad():
                said = self._teacher(input_ids=self._batches[number], use_cache=False).logits
                known = torch.log_softmax(said.float(), dim=-1)
            if (len(self._kept) + 1) * known.numel() * known.element_size() <= self._room:
                self._kept[number] = known
        return known

    def loss(self, student: nn.Module, step: int) -> Callable[[], Tensor]:
        """The divergence of the student from the teacher on a step's batch."""
        number = self.number(step)
        ids, unmoved, asked = self._batches[number], self.unmoved(number), student

        def loss() -> Tensor:
            model: Any = asked
            return divergence_of(model(input_ids=ids, use_cache=False).logits, unmoved)

        return loss
