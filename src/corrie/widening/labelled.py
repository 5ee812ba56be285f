"""Labelled examples that a run learns beside the model's own output: the prompt is given, the answer is learned.

With examples i of a step, right answers y_i of T_i tokens after prompts x_i,

    ℓ(θ) = (1/n) Σ_i ℓ_i(θ),    ℓ_i = −(1/T_i) Σ_t log p_θ(y_it | x_i, y_i,<t)    nats a token,

the loss that the task itself reports (:mod:`corrie.capabilities.loss_gradient`). Prompts have no loss of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from corrie.capabilities.loss_gradient import losses_of, sequences_of
from corrie.capabilities.rehearsal import rehearse
from corrie.errors import InputError
from corrie.models.encoding import Sequenced
from corrie.models.model import Model
from corrie.scanning.first_answer import Asked
from corrie.widening.rounds import in_round


@dataclass(frozen=True)
class Labelled:
    """Examples as tokens, so many a step, every one once in a round.

    examples   of each the right continuations
    asked      the tasks that they are of: identities, and how many
    name       of these
    size       how many a step takes: all of them where there are fewer
    seed       of the order

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> model = toy_model()
    >>> labelled = Labelled.of(model, [(toy_choice(model), 6)], size=4)
    >>> loss = labelled.loss(model.module, step=0)()
    >>> loss.requires_grad, labelled.tokens(0) > 4
    (True, True)
    """

    examples: tuple[tuple[Sequenced, ...], ...]
    asked: list[tuple[str, int]]
    name: str
    size: int
    seed: int = 0

    @classmethod
    def of(cls, model: Model, tasks: Sequence[Asked], size: int, seed: int = 0) -> Labelled:
        """The first examples of some tasks.

        Raises:
            InputError: harmful requests.
            TaskError: a task whose answers are judged, one that this model cannot be asked, or an example whose answer
                has no token or that is longer than the model takes.
        """
        found: list[tuple[Sequenced, ...]] = []
        for task, limit in tasks:
            if task.identity.sensitive:
                raise InputError(
                    f"--labelled {task.identity.name}",
                    found="its examples are harmful requests",
                    advice="another task, or a file",
                )
            rehearse(task, model.encoder, limit)
            found += sequences_of(model, task, limit)
        name = ", ".join(task.identity.name for task, _ in tasks)
        asked = [(task.identity.id, limit) for task, limit in tasks]
        return cls(tuple(found), asked, name, min(size, len(found)), seed)

    def batch(self, step: int) -> list[tuple[Sequenced, ...]]:
        """What a step learns."""
        places = range(step * self.size, (step + 1) * self.size)
        return [self.examples[in_round(place, len(self.examples), self.seed)] for place in places]

    def tokens(self, step: int) -> int:
        """Read in one pass of a step."""
        return sum(len(sequence.ids) for example in self.batch(step) for sequence in example)

    def loss(self, student: nn.Module, step: int) -> Callable[[], Tensor]:
        """The mean loss of a step's examples, nats a token, at the student's weights as they are then."""
        batch = self.batch(step)
        return lambda: losses_of(student, batch).mean()
