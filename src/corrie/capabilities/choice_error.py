"""How often a choice would come out wrong, with its gradient: a stand-in for the score that saturates as it does.

Idea
----
With s_k the summed log-likelihood of option k, a model that picked options by their likelihoods would be wrong with
probability

    ℓ = 1 − exp(s_gold) / Σ_k exp(s_k)        in [0, 1].

The loss in nats of the right option (:class:`corrie.capabilities.loss_gradient.TaskLoss`) grows without bound where a
model is badly wrong, so its mean over noisy weights is that of the worst draws. The score does not care how wrong an
answer is; neither does this. It moves where answers are about to flip, which is where the smoothed score can be moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.loss_gradient import PASS_TOKENS, TaskLoss
from corrie.models.model import Model


class ChoiceError(TaskLoss):
    """The mean probability of a wrong choice over a task's first examples; used as a :class:`TaskLoss` is.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> model = toy_model()
    >>> 0 < ChoiceError(model, toy_choice(model), 10).mean() < 0.75
    True
    """

    def __init__(self, model: Model, task: ChoiceTask, limit: int, tokens: int = PASS_TOKENS) -> None:
        super().__init__(model, task, limit, tokens)
        reader = model.reader()
        asked = [task.questions(reader, i) for i in range(limit)]
        self._gold = [task.examples[i].gold for i in range(limit)]
        self.take(
            [tuple(s for question in questions for s in model.sequences(question)) for questions in asked], tokens
        )

    def losses(self, batch: Sequence[int]) -> Tensor:
        """Of these examples, as one differentiable vector."""
        found = []
        for i, parts in zip(batch, self.nats(batch), strict=True):
            scores = torch.stack([-part.sum() for part in parts])
            found.append(1 - torch.softmax(scores, dim=0)[self._gold[i]])
        return torch.stack(found)
