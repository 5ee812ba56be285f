"""Numbers in, numbers out: what can be concluded from draws, and with what probability.

Nothing here knows of models or tensors. The limits of a mean share their names, ``lower_limit`` and ``upper_limit``,
with the values first and the confidence second: learn one, know all.

=====================================  ================================================================================
how far a basin reaches                :func:`basin_radius` (:mod:`~corrie.stats.two_way`,
                                       :mod:`~corrie.stats.shifted_lines`, :mod:`~corrie.stats.edge`,
                                       :func:`above_chance`)
limits of a fraction                   :mod:`clopper_pearson` (n fixed), :mod:`fraction_process` (any time)
limits of a mean of values in [0, 1]   :mod:`betting`, :mod:`empirical_bernstein`, :mod:`hoeffding` (both kinds each)
claims about most directions           :class:`PlannedFraction`, :class:`AnytimeFraction`; :mod:`planning`;
                                       :mod:`normal_tolerance`, which describes and never certifies
several claims                         :mod:`multiplicity`
two models on the same examples        :func:`mcnemar`, :func:`paired_difference`
two samples                            :func:`rank_sum`
after a shift of Gaussian noise        :mod:`gaussian_shift` (one score), :class:`ScoreLaw` (the default certificate),
                                       :class:`PerExample` (which examples), :class:`GaussianKernel`
discrete noise                         :mod:`knapsack`, :class:`AbsorbingKernel`, :class:`UniformKernel`
many inputs, each attacked by itself   :class:`GroupedScore`
new examples                           :mod:`pac_bayes`, :mod:`rademacher`, :mod:`kl`
=====================================  ================================================================================
"""

from corrie.stats import (
    betting,
    clopper_pearson,
    empirical_bernstein,
    fraction_process,
    gaussian_shift,
    hoeffding,
    kl,
    knapsack,
    multiplicity,
    normal_tolerance,
    pac_bayes,
    planning,
    rademacher,
    rounding,
)
from corrie.stats.anytime_fraction import AnytimeFraction
from corrie.stats.basin_radius import RadiusEstimate, basin_radius
from corrie.stats.chance import above_chance
from corrie.stats.difference import Difference, paired_difference
from corrie.stats.fraction_verdict import FractionVerdict
from corrie.stats.gaussian_kernel import GaussianKernel
from corrie.stats.grouped_score import GroupedScore, choose_groups
from corrie.stats.paired_change import PairedChange, mcnemar
from corrie.stats.per_example import PerExample
from corrie.stats.planned_fraction import PlannedFraction
from corrie.stats.rank_test import rank_sum
from corrie.stats.score_law import ScoreLaw, choose_thresholds
from corrie.stats.token_kernels import AbsorbingKernel, TokenKernel, UniformKernel, tokens_within

__all__ = [
    "AbsorbingKernel",
    "AnytimeFraction",
    "Difference",
    "FractionVerdict",
    "GaussianKernel",
    "GroupedScore",
    "PairedChange",
    "PerExample",
    "PlannedFraction",
    "RadiusEstimate",
    "ScoreLaw",
    "TokenKernel",
    "UniformKernel",
    "above_chance",
    "basin_radius",
    "betting",
    "choose_groups",
    "choose_thresholds",
    "clopper_pearson",
    "empirical_bernstein",
    "fraction_process",
    "gaussian_shift",
    "hoeffding",
    "kl",
    "knapsack",
    "mcnemar",
    "multiplicity",
    "normal_tolerance",
    "pac_bayes",
    "paired_difference",
    "planning",
    "rademacher",
    "rank_sum",
    "rounding",
    "tokens_within",
]
