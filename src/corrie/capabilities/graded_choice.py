"""Graded choice: how much of the options' probability does the right one have?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from corrie.capabilities.choice import ChoiceTask, OptionsTask
from corrie.capabilities.task import Task
from corrie.errors import TaskError

GRADED = "graded"
"""What stands before the name of a multiple-choice task that is to be scored so: ``graded:knowledge``."""


_PLACES = 2
"""Of the score: last digits of a log-likelihood depend on what is read beside it, and a score must not."""


@final
class GradedChoiceTask(OptionsTask):
    """Multiple choice, scored by the probability with which the right option is drawn from all of them.

    With s_k = Σ_t log p(y_kt | x_k, y_k,<t), the summed log-likelihood of option k:

        score = exp(s_gold) / Σ_k exp(s_k), in [0, 1], to two places.

    Loss, label and answer are those of :class:`corrie.capabilities.choice.ChoiceTask`. The score falls before the
    answer flips, so a radius needs fewer answers. It is another score, with a radius of its own. Chance is the mean of
    1/k: what a model that knows nothing prefers sums to 1 over k options, of which any may be right.

    >>> from corrie.capabilities.examples import Choice, Option
    >>> options = tuple(Option("2 + 2 =", f" {n}", str(n)) for n in (3, 4))
    >>> print(graded(ChoiceTask("sums", [Choice("a", options, gold=1)], capability="math", source="a doctest")))
    graded:sums: math by probability on 1 examples of a doctest; chance 0.5
    """

    scoring = "probability"
    law = "choice-probability-1"

    def _success(self, likelihoods: Sequence[float], gold: int) -> float:
        largest = max(likelihoods)
        shares = [math.exp(one - largest) for one in likelihoods]
        return round(shares[gold] / math.fsum(shares), _PLACES)


def graded(task: Task) -> GradedChoiceTask:
    """A multiple-choice task's questions, scored by probability.

    Raises:
        TaskError: a task without options.
    """
    known = task.identity
    if not isinstance(task, ChoiceTask):
        raise TaskError(
            f"task {GRADED}:{known.name}",
            found=f"{known.name} is scored by {known.scoring}, without options among which one is right",
            advice=f"-t {known.name}, or a multiple-choice task",
        )
    return GradedChoiceTask(
        f"{GRADED}:{known.name}", task.examples, capability=known.capability, source=known.source,
        chat=task.framing.chat, sensitive=known.sensitive,
    )  # fmt: skip
