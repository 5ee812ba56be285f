"""corrie: how far can a language model be moved before it breaks?

The public vocabulary. Names that need torch are resolved at their first use, so ``import corrie`` is quick and
``corrie.stats``, ``corrie.records`` and ``corrie.analysis`` work without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from corrie.analysis.basin import Basin
    from corrie.analysis.certificate import Certificate
    from corrie.analysis.comparison import Comparison
    from corrie.analysis.fine_tune_diff import FineTuneDiff
    from corrie.analysis.fraction_claim import FractionClaim
    from corrie.analysis.landscape import Landscape
    from corrie.analysis.plane import Plane
    from corrie.analysis.retraction import Retraction
    from corrie.analysis.verification import verify
    from corrie.analysis.widening import Widening
    from corrie.capabilities.registry import tasks
    from corrie.errors import CorrieError
    from corrie.models.directions import adapter, saved, toward
    from corrie.models.load import load
    from corrie.records.direction import Gaussian, gaussian, quantised
    from corrie.records.point import Point
    from corrie.subspaces.smoothed import smoothed
    from corrie.verbs import (
        certify,
        certify_inputs,
        compare,
        diff,
        draw,
        fraction,
        generalise,
        merge,
        plane,
        project,
        protect,
        report,
        retract,
        scan,
        widen,
        worst,
    )
    from corrie.weights.perturbed import perturbed

_HOME = {
    "Basin": "corrie.analysis.basin",
    "Certificate": "corrie.analysis.certificate",
    "Comparison": "corrie.analysis.comparison",
    "CorrieError": "corrie.errors",
    "FineTuneDiff": "corrie.analysis.fine_tune_diff",
    "FractionClaim": "corrie.analysis.fraction_claim",
    "Gaussian": "corrie.records.direction",
    "Landscape": "corrie.analysis.landscape",
    "Plane": "corrie.analysis.plane",
    "Point": "corrie.records.point",
    "Retraction": "corrie.analysis.retraction",
    "Widening": "corrie.analysis.widening",
    "adapter": "corrie.models.directions",
    "certify": "corrie.verbs",
    "certify_inputs": "corrie.verbs",
    "compare": "corrie.verbs",
    "diff": "corrie.verbs",
    "draw": "corrie.verbs",
    "fraction": "corrie.verbs",
    "gaussian": "corrie.records.direction",
    "generalise": "corrie.verbs",
    "load": "corrie.models.load",
    "merge": "corrie.verbs",
    "perturbed": "corrie.weights.perturbed",
    "plane": "corrie.verbs",
    "project": "corrie.verbs",
    "protect": "corrie.verbs",
    "quantised": "corrie.records.direction",
    "report": "corrie.verbs",
    "retract": "corrie.verbs",
    "saved": "corrie.models.directions",
    "scan": "corrie.verbs",
    "smoothed": "corrie.subspaces.smoothed",
    "tasks": "corrie.capabilities.registry",
    "toward": "corrie.models.directions",
    "verify": "corrie.analysis.verification",
    "widen": "corrie.verbs",
    "worst": "corrie.verbs",
}

__all__ = [
    "Basin",
    "Certificate",
    "Comparison",
    "CorrieError",
    "FineTuneDiff",
    "FractionClaim",
    "Gaussian",
    "Landscape",
    "Plane",
    "Point",
    "Retraction",
    "Widening",
    "adapter",
    "certify",
    "certify_inputs",
    "compare",
    "diff",
    "draw",
    "fraction",
    "gaussian",
    "generalise",
    "load",
    "merge",
    "perturbed",
    "plane",
    "project",
    "protect",
    "quantised",
    "report",
    "retract",
    "saved",
    "scan",
    "smoothed",
    "tasks",
    "toward",
    "verify",
    "widen",
    "worst",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # takes as long as all else that is loaded here

        return globals().setdefault(name, version("corrie"))
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'corrie' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
