"""corrie: how far can a language model be moved before it breaks?

The public vocabulary. Names that need torch are resolved at their first use, so ``import corrie`` is quick and
``corrie.stats``, ``corrie.records`` and ``corrie.analysis`` work without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corrie.lazy_names import lazily as _lazily

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
    "Basin": "analysis.basin",
    "Certificate": "analysis.certificate",
    "Comparison": "analysis.comparison",
    "CorrieError": "errors",
    "FineTuneDiff": "analysis.fine_tune_diff",
    "FractionClaim": "analysis.fraction_claim",
    "Gaussian": "records.direction",
    "Landscape": "analysis.landscape",
    "Plane": "analysis.plane",
    "Point": "records.point",
    "Retraction": "analysis.retraction",
    "Widening": "analysis.widening",
    "adapter": "models.directions",
    "certify": "verbs",
    "certify_inputs": "verbs",
    "compare": "verbs",
    "diff": "verbs",
    "draw": "verbs",
    "fraction": "verbs",
    "gaussian": "records.direction",
    "generalise": "verbs",
    "load": "models.load",
    "merge": "verbs",
    "perturbed": "weights.perturbed",
    "plane": "verbs",
    "project": "verbs",
    "protect": "verbs",
    "quantised": "records.direction",
    "report": "verbs",
    "retract": "verbs",
    "saved": "models.directions",
    "scan": "verbs",
    "smoothed": "subspaces.smoothed",
    "tasks": "capabilities.registry",
    "toward": "models.directions",
    "verify": "analysis.verification",
    "widen": "verbs",
    "worst": "verbs",
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


_resolved, __dir__ = _lazily(__name__, _HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # takes as long as all else that is loaded here

        return globals().setdefault(name, version("corrie"))
    return _resolved(name)
