"""Training that makes a basin wider (GO), or stays inside one (guards, balls, distance-efficient descent).

======================  =============================================================================================
``GO``                  any optimizer, fed with gradients taken at weights moved by fresh Gaussian noise
``for_trainer``         the same as one argument of a Hugging Face Trainer
``Constant``, ``Ramp``, ``Cosine``   how σ changes over a run
``choose``              a model's tensors by name
``BasinWatch``          how far a fine-tune is from its base, and how much of each basin it has used up
``BasinGuard``          the same as a Trainer callback that warns or stops
``Ball``                keeps chosen tensors within an L2 distance of where they began
``Anchor``              decays them toward where they began, instead of toward 0
``Average``             the mean of the weights along a run: exponential or uniform
``AverageCallback``     the same in a Trainer
``BallDescent``         gradient descent that spends as little distance as it can
``freeze_down``         freezes every A of a model's adapters: training stays in one subspace
======================  =============================================================================================

``AverageCallback``, ``BasinGuard`` and ``for_trainer`` import transformers when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corrie.lazy_names import lazily
from corrie.optim.anchor import Anchor
from corrie.optim.averaging import Average
from corrie.optim.ball import Ball, Projection
from corrie.optim.choosing import choose
from corrie.optim.descent import BallDescent
from corrie.optim.freezing import freeze_down
from corrie.optim.go import GO
from corrie.optim.schedules import Constant, Cosine, Ramp
from corrie.optim.watch import BasinWatch, Whereabouts

if TYPE_CHECKING:
    from corrie.optim.average_callback import AverageCallback
    from corrie.optim.guard import BasinGuard
    from corrie.optim.trainer import for_trainer

__all__ = [
    "GO",
    "Anchor",
    "Average",
    "AverageCallback",
    "Ball",
    "BallDescent",
    "BasinGuard",
    "BasinWatch",
    "Constant",
    "Cosine",
    "Projection",
    "Ramp",
    "Whereabouts",
    "choose",
    "for_trainer",
    "freeze_down",
]


__getattr__, __dir__ = lazily(
    __name__, {"AverageCallback": "average_callback", "BasinGuard": "guard", "for_trainer": "trainer"}
)
