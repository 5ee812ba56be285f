"""What a fine-tune's distance is held against: a radius for each capability, from a scan, a certificate, or by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any, Literal

from corrie.analysis.basin import Basin, of_capabilities
from corrie.analysis.certificate import Certificate
from corrie.analysis.landscape import Landscape
from corrie.analysis.verification import verify
from corrie.errors import InputError
from corrie.records.model import ModelIdentity
from corrie.records.subspace import FullSpace, RowSpace

BasinRadii = Mapping[str, "float | Basin"] | Landscape | Iterable[Basin] | str | Path
"""Numbers by name, a scan's landscape, some of its basins, or the folder of its run."""

CertifiedRadii = Mapping[str, float] | Certificate | str | Path
"""Numbers by name, a certificate, or its file."""

Measure = Literal["trained", "weights"]


@dataclass(frozen=True)
class Radii:
    """Radii by capability.

    values      name → radius: σ of basins, L2 of certificates
    lows        name → lower end of its interval, where there is one
    dimension   d that basins were measured in; None where nothing says so
    model       what was measured; None where nothing says so
    space       where a certificate's noise lives
    measure     which distance certified radii speak about; None where nothing says so
    left_out    name → why it has no radius
    """

    values: Mapping[str, float]
    lows: Mapping[str, float] = field(default_factory=dict)
    dimension: int | None = None
    model: ModelIdentity | None = None
    space: FullSpace | RowSpace | None = None
    measure: Measure | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_basins(cls, given: BasinRadii | None) -> Radii:
        """Basin radii. A basin that reaches beyond all that was tried counts with the largest σ tried, one that is lost
        at the smallest with that; of a run's folder, those along raw Gaussian directions are read,
        and of capabilities alone, where there are any.

        Raises:
            InputError: a radius is no positive number; basins of several dimensions; no basin has a radius.
            RunError: the folder holds no run.

        >>> Radii.of_basins({"math": 0.01}).values
        {'math': 0.01}
        """
        model = None
        if isinstance(given, str | Path):
            given = Landscape.open(given, "none")
        if isinstance(given, Landscape):
            model = given.model
            given = of_capabilities(given.basins())
        rest: Any = given
        named: dict[str, Any] = dict(rest) if isinstance(rest, Mapping) else _by_task(rest or ())
        basins = {name: basin for name, basin in named.items() if isinstance(basin, Basin)}
        numbers = {name: number for name, number in named.items() if not isinstance(number, Basin)}
        known = {name: basin for name, basin in basins.items() if not math.isnan(basin.limit)}
        left_out = {name: basin.finding for name, basin in basins.items() if name not in known}
        _check("basin radius", numbers)
        dimensions = {basin.dimension for basin in basins.values()}
        if len(dimensions) > 1:
            raise InputError(
                f"basins of {len(dimensions)} dimensions, {sorted(dimensions)}",
                found="they are of several models, or of several choices of tensors",
                advice="the basins of one landscape",
            )
        if left_out and not known and not numbers:
            raise InputError(
                f"the basin radii of {', '.join(left_out)}",
                found="; ".join(f"{name}: {why}" for name, why in left_out.items()),
                advice="corrie scan with more examples or other σ, or a capability that the model has",
            )
        return cls(
            values=numbers | {name: basin.limit for name, basin in known.items()},
            lows={name: basin.sigma_low for name, basin in known.items() if basin.sigma_low is not None},
            dimension=dimensions.pop() if dimensions else None,
            model=model,
            left_out=left_out,
        )

    @classmethod
    def of_certificates(cls, given: CertifiedRadii | None) -> Radii:
        """Certified radii: those of a certificate are where its ``retain`` share is kept.

        Raises:
            InputError: a radius is no positive number, or the certificate's distance is none that training is
                measured in (a span, random directions, tensors in units of their own size).
            ClaimError: the file is no certificate that holds.
        """
        if isinstance(given, str | Path):
            given = verify(given).certificate
        if not isinstance(given, Certificate):
            if given is not None and not isinstance(given, Mapping):
                raise _no_mapping("certified radii", given, 'a certificate, its file, or {"math": 0.5}')
            _check("certified radius", given or {})
            return cls(dict(given or {}))
        space = given.evidence.spec.subspace
        if isinstance(space, FullSpace) and space.scale == "one":
            measure: Measure = "weights"
        elif isinstance(space, RowSpace) and space.free == "up":
            measure = "trained"
        else:
            raise InputError(
                f"the certified radius left in {space}",
                found=f"distances are {space.measure} there, which a training run is not measured in",
                advice="corrie diff --certificate, afterwards",
            )
        found = {t.task.name: t.radius(t.floor(given.retain)) for t in given.tasks}
        return cls(
            {name: radius for name, radius in found.items() if radius},
            model=given.evidence.model,
            space=space,
            measure=measure,
            left_out={name: "certified at no distance" for name, radius in found.items() if not radius},
        )


def _by_task(basins: Any) -> dict[str, Basin]:
    found = (basins,) if isinstance(basins, Basin) else tuple(basins) if isinstance(basins, Iterable) else (basins,)
    if not all(isinstance(basin, Basin) for basin in found):
        raise _no_mapping("basin radii", basins, 'a landscape, the folder of a run, or {"math": 0.008}')
    return {basin.task: basin for basin in found}


def _no_mapping(what: str, given: Any, advice: str) -> InputError:
    return InputError(f"{what} {given!r}", found="that has no radius by name", advice=advice)


def _check(what: str, radii: Mapping[str, Any]) -> None:
    for name, radius in radii.items():
        if not (isinstance(radius, Real) and 0 < float(radius) < math.inf):
            raise InputError(f"{what} {radius} of {name}", found="it is no positive number", advice="leave it out")
