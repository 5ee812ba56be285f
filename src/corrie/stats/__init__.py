"""Numbers in, numbers out: what can be concluded from draws, and with what probability.

Nothing here knows of models or tensors. The limits of a mean share their names, ``lower_limit`` and ``upper_limit``,
with the values first and the confidence second: learn one, know all.

What records and a landscape need of SciPy is imported in the function that uses it: loading ``scipy.special`` takes
longer than all else that a command loads which only looks.

=====================================  ================================================================================
how far a basin reaches                :func:`basin_radius` (:mod:`~corrie.stats.two_way`,
                                       :mod:`~corrie.stats.shifted_lines`, :mod:`~corrie.stats.edge`,
                                       :func:`above_chance`)
its radii from few scattered blocks    :mod:`dose_response`
limits of a fraction                   :mod:`clopper_pearson` (n fixed), :mod:`fraction_process` (any time)
limits of a mean of values in [0, 1]   :mod:`betting`, :mod:`empirical_bernstein`, :mod:`hoeffding` (both kinds each)
evidence about a mean, at any look     :mod:`mean_process`
claims about most directions           :class:`PlannedFraction`, :class:`AnytimeFraction`; :mod:`planning`;
                                       :mod:`normal_tolerance`, which describes and never certifies
several claims                         :mod:`multiplicity`
two models on the same examples        :func:`mcnemar`, :func:`paired_difference`
after a shift of Gaussian noise        :mod:`gaussian_shift` (one score), :class:`ScoreLaw` (the default certificate),
                                       :class:`PerExample` (which examples), :class:`GaussianKernel`
discrete noise                         :mod:`knapsack`, :class:`AbsorbingKernel`, :class:`UniformKernel`
many inputs, each attacked by itself   :class:`GroupedScore`
new examples                           :mod:`pac_bayes`, :mod:`rademacher`, :mod:`kl`
=====================================  ================================================================================

Each name is resolved at its first use, so a command loads the part of scipy that it needs and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corrie.lazy_names import lazily

if TYPE_CHECKING:
    from corrie.stats import (
        betting,
        clopper_pearson,
        dose_response,
        empirical_bernstein,
        fraction_process,
        gaussian_shift,
        hoeffding,
        kl,
        knapsack,
        mean_process,
        multiplicity,
        normal_tolerance,
        pac_bayes,
        planning,
        rademacher,
        rounding,
    )
    from corrie.stats.anytime_fraction import AnytimeFraction
    from corrie.stats.chance import above_chance
    from corrie.stats.difference import PairedDifference, paired_difference
    from corrie.stats.fraction_verdict import FractionVerdict
    from corrie.stats.gaussian_kernel import GaussianKernel
    from corrie.stats.grouped_score import GroupedScore, choose_groups
    from corrie.stats.model_free_radius import RadiusEstimate, basin_radius
    from corrie.stats.paired_change import PairedChange, mcnemar
    from corrie.stats.per_example import PerExample
    from corrie.stats.planned_fraction import PlannedFraction
    from corrie.stats.score_law import ScoreLaw, choose_thresholds, expected_law
    from corrie.stats.token_kernels import AbsorbingKernel, TokenKernel, UniformKernel, tokens_within

_HOME = {
    "AbsorbingKernel": "token_kernels",
    "AnytimeFraction": "anytime_fraction",
    "PairedDifference": "difference",
    "FractionVerdict": "fraction_verdict",
    "GaussianKernel": "gaussian_kernel",
    "GroupedScore": "grouped_score",
    "PairedChange": "paired_change",
    "PerExample": "per_example",
    "PlannedFraction": "planned_fraction",
    "RadiusEstimate": "model_free_radius",
    "ScoreLaw": "score_law",
    "TokenKernel": "token_kernels",
    "UniformKernel": "token_kernels",
    "above_chance": "chance",
    "basin_radius": "model_free_radius",
    "choose_groups": "grouped_score",
    "choose_thresholds": "score_law",
    "expected_law": "score_law",
    "mcnemar": "paired_change",
    "paired_difference": "difference",
    "tokens_within": "token_kernels",
}
"""Which module a name lives in; every other public name is a module itself."""

__all__ = [
    "AbsorbingKernel",
    "AnytimeFraction",
    "FractionVerdict",
    "GaussianKernel",
    "GroupedScore",
    "PairedChange",
    "PairedDifference",
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
    "dose_response",
    "empirical_bernstein",
    "expected_law",
    "fraction_process",
    "gaussian_shift",
    "hoeffding",
    "kl",
    "knapsack",
    "mcnemar",
    "mean_process",
    "multiplicity",
    "normal_tolerance",
    "pac_bayes",
    "paired_difference",
    "planning",
    "rademacher",
    "rounding",
    "tokens_within",
]


__getattr__, __dir__ = lazily(__name__, dict.fromkeys(__all__, "") | _HOME)
