"""The model and the subspace that a certificate speaks of, found again.

A certificate holds hashes, not tensors. Its model is loaded by name and compared by fingerprint; its subspace is made
by the law it was asked for by (``adapter:q_proj:1``), or read from where its fixed matrices lie, and compared by the
hash of its content. What does not fit is refused: a bound says nothing about another model or another subspace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from corrie.analysis.certificate import Certificate
from corrie.errors import InputError, ModelError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.records.model import ModelIdentity
from corrie.records.subspace import AskedSubspace, FullSpace, RandomSpace, RowSpace, Subspace, parse_subspace
from corrie.sources.packages import Say, silent
from corrie.subspaces.find import find_subspace
from corrie.subspaces.space import Space
from corrie.subspaces.written_space import full_space, random_space


def certified_model(
    certificate: Certificate, name: str | Path | None = None, *, device: str = "auto", say: Say = silent
) -> Model:
    """The model of a certificate, at its precision.

    Args:
        name: where it lies now, if not where its name says.

    Raises:
        ModelError, UnknownName, FetchError: it cannot be loaded.
        ModelError: what was found is another model.
    """
    stated = certificate.evidence.model
    chosen = stated.selection
    place = stated.name if name is None else name
    model = load(place, dtype=stated.dtype, device=device, include=chosen.include, exclude=chosen.exclude, say=say)
    refuse_other_model(certificate, model)
    return model


def refuse_other_model(certificate: Certificate, model: Model) -> None:
    """A certificate is of one model, bit for bit, at one precision, with one tokenizer.

    Raises:
        ModelError: this is another; every fact that differs is named.
    """
    differing = [
        f"{what} is {there} there and {here} here"
        for what, there, here in zip(
            (
                "architecture",
                "the weights' fingerprint",
                "the tokenizer's",
                "precision",
                "the selection of tensors",
                "the function (the settings of its configuration)",
            ),
            _facts(certificate.evidence.model, model.identity),
            _facts(model.identity, certificate.evidence.model),
            strict=True,
        )
        if there != here
    ]
    if differing:
        raise ModelError(
            f"the certificate of {certificate.evidence.model.name}",
            found=f"it is not of this model: {'; '.join(differing)}",
            advice="the model that was certified, at the certificate's precision",
        )


def certified_space(certificate: Certificate, model: Model, places: Sequence[str] = (), *, say: Say = silent) -> Space:
    """The subspace of a certificate.

    Args:
        places: where it may lie if no law makes it, as ``--subspace`` takes it (``adapter:FOLDER``, ``core:FILE``,
            ``span:A,B``), tried in their order after its own name.

    Raises:
        InputError: none of them is the certificate's subspace.
    """
    spec = certificate.evidence.spec
    tried: list[str] = []
    for text, asked in _candidates(spec.subspace, places):
        try:
            found = _made(model, spec.subspace, asked, spec.lattice, say)
        except (InputError, ModelError) as problem:
            tried.append(f"{text}: {problem.found or problem}")
            continue
        if _same(found.spec, spec.subspace):
            return found
        tried.append(f"{text} is {found.spec.id}")
    raise InputError(
        f"the certificate's subspace {spec.subspace.id} ({spec.subspace})",
        found="; ".join(tried) or "no law makes it, and no place was given",
        advice="--subspace adapter:FOLDER, core:FILE or span:A,B: where its matrices lie",
    )


def _candidates(subspace: Subspace, places: Sequence[str]) -> Iterator[tuple[str, AskedSubspace | None]]:
    """What to try, each with its words; None stands for a law that the record itself holds."""
    if isinstance(subspace, FullSpace | RandomSpace):
        yield subspace.id, None
        return
    if isinstance(subspace, RowSpace) and subspace.name:
        try:
            asked = parse_subspace(subspace.name)
        except InputError:
            asked = None
        if asked is not None and not asked.places:
            yield subspace.name, asked
    for place in places:
        yield place, parse_subspace(place)


def _made(model: Model, record: Subspace, asked: AskedSubspace | None, lattice: int | None, say: Say) -> Space:
    if asked is not None:
        return find_subspace(model, asked, lattice=lattice, say=say)
    if isinstance(record, RandomSpace):
        return random_space(model.selection, record)
    whole = record if isinstance(record, FullSpace) else FullSpace()
    return full_space(model.selection, whole, lattice if whole.scale == "one" else None)


def _same(found: Subspace, stated: Subspace) -> bool:
    """Ids show part of a hash; where there is a whole one, it is compared."""
    return found.id == stated.id and getattr(found, "content", "") == getattr(stated, "content", "")


def _facts(identity: ModelIdentity, other: ModelIdentity) -> tuple[str, ...]:
    chosen = identity.selection
    selection = " ".join(chosen.include) + (f" without {' '.join(chosen.exclude)}" if chosen.exclude else "")
    function = "" if identity.is_the_function_of(other) else identity.function[:16]
    return (
        identity.architecture,
        identity.fingerprint[:16],
        identity.tokenizer[:16],
        identity.dtype,
        selection,
        function,
    )
