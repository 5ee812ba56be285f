r"""The smoothed model as an object: what a certificate speaks of, so that it can be served.

Idea
----
A certificate bounds E J(x' + ε), ε ~ N(0, σ²I_k): the mean score of a model whose coordinates are *drawn afresh* around
x' each time it is asked. That is a model like any other, only a random one: draw ε, put x' + ε, answer, forget it.

    served = corrie.smoothed(model, "certificate-….json", adapter="my-adapter/")
    with served.drawn() as draw:
        model.module.generate(…)

Noise and lattice are the certificate's, and x' is moved to the lattice, so x' + ε is exact. A draw's seed is what the
operating system gives, and is told; the same seed draws the same model again.

What must hold for the statement to reach who asks: *every request has a draw of its own*, that does not look at the
request, and is not thrown away for its answer. Requests that share a draw each see the right law, but they rise and
fall together. The rounding of another engine than the one that scored (a server's kernels, another batch) is not in the
certificate.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from weakref import WeakSet

import torch
from torch import nn

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.verification import verify
from corrie.errors import InputError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.records.rules import check_sigma
from corrie.records.store import Realised
from corrie.records.subspace import RowSpace, SubspaceNoise, parse_subspace
from corrie.sources.packages import Say, silent
from corrie.subspaces.certified import certified_model, certified_space, refuse_other_model
from corrie.subspaces.find import find_subspace
from corrie.subspaces.row_space import LowRankSpace
from corrie.subspaces.space import Coords, Space, added, dimension, draw_noise, fine_lattice
from corrie.subspaces.stand import Stand, stand
from corrie.subspaces.written_adapter import write_place

_FRESH = 62
"""Bits of a fresh seed."""

_DRAWN: WeakSet[nn.Module] = WeakSet()
"""Modules that stand at a draw now."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of a smoothed model.

    seed      of its noise; the same seed draws the same model again
    realised  what the precision made of x' + ε
    """

    seed: int
    realised: Realised


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A model whose coordinates are drawn around given ones.

    model        whose weights (or rows) are moved
    space        the subspace
    sigma        σ per coordinate
    lattice      e: noise and x' are multiples of 2^e; None: as drawn
    around       where x' is; None: the model itself, x' = 0
    certificate  what is certified about it; None if nothing is

    >>> from corrie.testing.toy_models import toy_model
    >>> served = smoothed(toy_model(), ("adapter:q_proj:1", 0.25))
    >>> with served.drawn(seed=7) as first:
    ...     pass
    >>> first.seed, first.realised.cosine
    (7, 1.0)
    """

    model: Model
    space: Space
    sigma: float
    lattice: int | None
    around: Stand | None = None
    certificate: Certificate | None = None

    @cached_property
    def center(self) -> Coords:
        """x'."""
        if self.around is not None:
            return self.around.coordinates
        return {n: torch.zeros(shape, dtype=torch.float64) for n, shape in self.space.shapes.items()}

    @property
    def distance(self) -> float:
        """‖x'‖₂, rounded up."""
        return 0.0 if self.around is None else self.around.distance

    @property
    def stated(self) -> Certificate | None:
        """The certificate, asked about x'."""
        if self.certificate is None or self.around is None:
            return self.certificate
        record = self.around.record
        asked = FineTuned(distance=self.distance, name=record.name, content=record.content)
        return replace(self.certificate, about=asked)

    def adapter_draw(self, seed: int | None = None) -> dict[str, torch.Tensor]:
        """The coordinates x' + ε of a draw, float64 (exact on a lattice).

        Raises:
            InputError: a seed that the certificate itself has drawn: it would not be independent of it.
        """
        noise = self._noise(self._seed(seed))
        return {n: t.double() for n, t in added([(noise, 1.0), (self.center, 1.0)]).items()}

    @contextmanager
    def drawn(self, seed: int | None = None) -> Iterator[Draw]:
        """The model at one draw, for the time of a ``with`` block; afterwards it is what it was.

        In a subspace of low-rank changes no weight is written: hooks add the draw to the passes, whatever their batch.
        Elsewhere the weights are written, and put back by copy.

        Args:
            seed: None: from the operating system; it is in what the block is given.

        Raises:
            InputError: the model stands at a draw already, or a seed that the certificate itself has drawn.
        """
        module = self.model.module
        if module in _DRAWN:
            raise InputError("a draw", found="the model stands at another draw already", advice="one block at a time")
        number = self._seed(seed)
        place = self.adapter_draw(number)
        _DRAWN.add(module)
        try:
            with self.space.lent(1) as places:
                (realised,) = places.put([place])
                yield Draw(number, realised)
        finally:
            _DRAWN.discard(module)

    def save(self, folder: str | Path, seed: int | None = None, *, center: bool = False) -> Path:
        """Write a draw (or x' itself) as an adapter that PEFT loads: B = B' + ε, or U (M' + ε), A as frozen.

        Args:
            folder: is made.
            seed: of the draw; None: from the operating system.
            center: write x' instead: of the model itself, an adapter of zeros with the subspace's frozen A, from which
                to train (:func:`corrie.optim.freeze_down`).

        Raises:
            InputError: a subspace that no adapter reaches, or a folder that is there.
        """
        place = self.center if center else self.adapter_draw(seed)
        return write_place(self.rows, place, Path(folder), self.model.identity.name)

    @property
    def rows(self) -> LowRankSpace:
        """The subspace, if its places are adapters.

        Raises:
            InputError: they are not.
        """
        if not isinstance(self.space, LowRankSpace):
            raise InputError(
                f"an adapter in {self.space.spec}",
                found="its places are no low-rank changes of linear layers",
                advice="corrie.smoothed(…).drawn() in Python, which writes the weights",
            )
        return self.space

    def fresh_seed(self) -> int:
        """A seed from the operating system, none that the certificate has drawn."""
        while True:
            found = secrets.randbits(_FRESH)
            if not self._used(found):
                return found

    def _seed(self, seed: int | None) -> int:
        if seed is None:
            return self.fresh_seed()
        if not 0 <= seed < 2**63:
            raise InputError(f"seed {seed}", found="not from 0 to 2^63 − 1", advice="a number from 0 on, or none")
        if self._used(seed):
            raise InputError(
                f"seed {seed}",
                found="the certificate's own draws have it: what it served would not be independent of the certificate",
                advice="another seed, or none",
            )
        return seed

    def _used(self, seed: int) -> bool:
        spec = None if self.certificate is None else self.certificate.evidence.spec
        return spec is not None and (seed in spec.seeds or seed in spec.selection.seeds)

    def _noise(self, seed: int) -> Coords:
        record = SubspaceNoise(subspace=self.space.spec.id, seed=seed, lattice=self.lattice)
        return draw_noise(self.space.shapes, record, self.sigma)

    def __str__(self) -> str:
        where = "itself" if self.around is None else f"{self.around.record.name}, at distance {self.distance:.4g}"
        said = (
            f"{self.model.identity.name} smoothed around {where}: {dimension(self.space):,} coordinates in "
            f"{self.space.spec} drawn afresh from N(x', σ²), σ = {self.sigma:g}, each time it is asked"
        )
        stated = self.stated
        if stated is None:
            return f"{said}; nothing is certified about it"
        return f"{said}; with confidence {stated.evidence.spec.confidence:g}: {stated.finding}"


def smoothed(
    model: Model | str | Path | None,
    of: Certificate | str | Path | tuple[str | Space, float],
    adapter: str | Path | None = None,
    *,
    subspace: str | None = None,
    device: str = "auto",
    say: Say = silent,
) -> Smoothed:
    """The smoothed model that a certificate speaks of, or one of a subspace and a σ.

    Args:
        model: a loaded model, or what :func:`corrie.load` takes; None: by the certificate's name for it.
        of: a certificate (or its file, which is verified first), or a pair (subspace, σ).
        adapter: x', a fine-tune in the subspace; None: the model itself.
        subspace: where the certificate's subspace lies, if no law makes it: ``adapter:FOLDER``, ``core:FILE``, ….
        device: where a model that is not loaded yet shall run.

    Raises:
        ClaimError: the certificate's file does not hold.
        ModelError: the certificate is of another model; no such model or adapter.
        InputError: the subspace is not the certificate's, the adapter is outside of it, a σ that is not valid.
    """
    if isinstance(of, tuple):
        return _around(*_asked(model, *of, device, say), None, adapter, say)
    certificate = of if isinstance(of, Certificate) else verify(of).certificate
    if isinstance(model, Model):
        refuse_other_model(certificate, model)
        loaded = model
    else:
        loaded = certified_model(certificate, model, device=device, say=say)
    spec = certificate.evidence.spec
    free = spec.subspace.free if isinstance(spec.subspace, RowSpace) else ""
    own = [f"adapter:{adapter}"] if adapter is not None and free == "up" else []
    space = certified_space(certificate, loaded, [subspace] if subspace else own, say=say)
    return _around(loaded, space, spec.sigma, spec.lattice, certificate, adapter, say)


def _asked(
    model: Model | str | Path | None, subspace: str | Space, sigma: float, device: str, say: Say
) -> tuple[Model, Space, float, int | None]:
    check_sigma(sigma)
    if model is None:
        raise InputError("a smoothed model", found="no model, and no certificate that names one", advice="a model")
    loaded = model if isinstance(model, Model) else load(model, device=device, say=say)
    lattice = None if subspace == "full:rms" else fine_lattice(sigma)
    if not isinstance(subspace, str):
        return loaded, subspace, sigma, lattice
    return loaded, find_subspace(loaded, parse_subspace(subspace), lattice=lattice, say=say), sigma, lattice


def _around(
    model: Model,
    space: Space,
    sigma: float,
    lattice: int | None,
    certificate: Certificate | None,
    adapter: str | Path | None,
    say: Say,
) -> Smoothed:
    around = None if adapter is None else stand(model, space, str(adapter), lattice=lattice, say=say)
    return Smoothed(model, space, sigma, lattice, around, certificate)
