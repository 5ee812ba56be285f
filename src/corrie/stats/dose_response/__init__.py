"""A basin as a dose–response curve: radii at several retentions from few scored blocks (design/dose-response.md).

blocks.py       what is read: outcomes at scattered σ, directions, examples
families.py     shapes of a cliff
curves.py       both strata and the retained share
prior.py        what is believed before
posterior.py    the curves the blocks support, averaged over families
dispersion.py, influence.py   directions and examples that go together
fit_check.py    do the curves fit?
model_free.py   the interval if they do not
radii.py        radii, with intervals
flips.py        single answers that change
ratio.py        are two radii different?
fit.py          all of it
next_block.py   what one more block is worth
rounds.py       where the next eight blocks go, and when it is enough
"""

from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.fit import DoseResponse, dose_response, unmoved_counts
from corrie.stats.dose_response.flips import Flips
from corrie.stats.dose_response.next_block import NextBlocks
from corrie.stats.dose_response.posterior import Posterior
from corrie.stats.dose_response.radii import RETENTIONS, Radius
from corrie.stats.dose_response.ratio import MeasuredRadius, RadiusRatio, radius_ratio
from corrie.stats.dose_response.rounds import Rounds

__all__ = [
    "RETENTIONS",
    "DoseResponse",
    "Flips",
    "MeasuredRadius",
    "NextBlocks",
    "Posterior",
    "Radius",
    "RadiusRatio",
    "Rounds",
    "ScoredBlocks",
    "dose_response",
    "radius_ratio",
    "unmoved_counts",
]
