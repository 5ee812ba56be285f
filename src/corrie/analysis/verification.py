"""Checking a certificate without the model: every number is derived again from the stored outcomes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.evidence import Evidence
from corrie.errors import ClaimError, CorrieError
from corrie.records.canonical import canonical_json
from corrie.records.plain_file import read_plain
from corrie.records.sealed import seal_of


@dataclass(frozen=True)
class Verification:
    """A certificate that was found whole.

    certificate   derived again
    file          where it lies
    """

    certificate: Certificate
    file: Path

    def __str__(self) -> str:
        spec = self.certificate.evidence.spec
        name = "" if self.certificate.about is None else self.certificate.about.name
        taken = f" (the distance of {name} was measured with the model, and is taken as stated)" if name else ""
        return (
            f"{self.file.name} holds: its bytes, its outcomes' hash, the choice of its thresholds on "
            f"{spec.selection.count} selection draws and every number follow from {spec.draws} draws × "
            f"{sum(len(t.examples) for t in self.certificate.evidence.tasks)} examples{taken}. {self.certificate}"
        )


def verify(file: str | Path) -> Verification:
    """Derive a certificate again from its outcomes, and compare every byte.

    Checked: the certificate is the canonical text of what it says and its own digest fits; the outcomes file is the
    canonical text of itself and has the stated hash; the thresholds are those that the selection draws choose; every
    number, verdict and the sentence come out the same, byte for byte.

    Not checked, since it takes the model: that the outcomes are those of this model, and that a fine-tune which is
    named lies at the stated distance.

    Args:
        file: a ``certificate-….json``, its outcomes file beside it.

    Raises:
        ClaimError: anything differs; what, and where, is named.
    """
    path = Path(file)
    asked = f"certificate {path}"
    stated = _read(path, asked)
    digest = seal_of(stated)
    if digest != stated.get("digest"):
        raise ClaimError(
            asked, found=f"its digest is {stated.get('digest')}, its content's is {digest}: it was changed"
        )
    try:
        named, hashed = stated["outcomes"]["file"], stated["outcomes"]["sha256"]
        fine_tuned = None if stated["asked"] is None else FineTuned.model_validate(stated["asked"])
        retain = float(stated["retain"])
    except (KeyError, TypeError, ValueError) as problem:
        raise ClaimError(asked, found=f"it is no certificate of this version ({problem})") from None
    if not (isinstance(named, str) and re.fullmatch(r"outcomes-[0-9a-f]{12}\.json", named)):
        raise ClaimError(asked, found=f"it names {named!r} as the outcomes file beside it")
    outcomes = path.parent / named
    found = _bytes(outcomes, asked)
    if hashlib.sha256(found).hexdigest() != hashed:
        raise ClaimError(
            asked, found=f"{named} has the hash {hashlib.sha256(found).hexdigest()}, not {hashed}: it was changed"
        )
    try:
        evidence = Evidence.parse(found.decode("utf-8"))
        again = Certificate(evidence, fine_tuned, retain)
        derived = json.loads(again.text())
        _check_thresholds(evidence)
    except (CorrieError, UnicodeDecodeError, ValueError, KeyError) as problem:
        raise ClaimError(asked, found=f"no certificate follows from {named} ({problem})") from None
    if evidence.text().encode() != found:
        raise ClaimError(asked, found=f"{named} is not the canonical text of what it holds")
    differing = next(_differences(stated, derived, ""), None)
    if differing is not None:
        raise ClaimError(asked, found=f"{differing}: it does not follow from the outcomes")
    if again.text().encode() != _bytes(path, asked):
        raise ClaimError(asked, found="it says the same in other bytes (1.0 for 1, say): it was changed")
    return Verification(again, path)


def _read(path: Path, asked: str) -> dict[str, Any]:
    content = _bytes(path, asked)
    try:
        stated = json.loads(content.decode("utf-8"))
        canonical = (canonical_json(stated) + "\n").encode()
    except (UnicodeDecodeError, ValueError, RecursionError) as problem:
        raise ClaimError(asked, found=f"it is no JSON ({problem})") from None
    if not isinstance(stated, dict):
        raise ClaimError(asked, found="it is no certificate")
    if canonical != content:
        place = next((i for i, (a, b) in enumerate(zip(canonical, content, strict=False)) if a != b), len(canonical))
        raise ClaimError(asked, found=f"its text is not the canonical one from byte {place} on: it was changed")
    return stated


def _bytes(path: Path, asked: str) -> bytes:
    return read_plain(path, asked, error=ClaimError)


def _check_thresholds(evidence: Evidence) -> None:
    """The thresholds are those that the selection draws choose: they were not picked afterwards.

    Raises:
        ClaimError: they are others.
    """
    spec = evidence.spec
    for task in evidence.tasks:
        scores, kept = [task.score(row) for row in task.selection], spec.row_of(task.task.id)
        chosen = spec.selection.choose(
            scores, len(task.examples), spec.draws, spec.confidence, len(spec.tasks), kept.parts
        )
        if chosen != kept.levels:
            raise ClaimError(
                f"thresholds of {task.task.name}",
                found=f"the selection draws choose {list(chosen)}, the design has {list(kept.levels)}",
            )


def _differences(stated: Any, derived: Any, where: str) -> Iterator[str]:
    if isinstance(stated, dict) and isinstance(derived, dict):
        for key in sorted(stated.keys() | derived.keys()):
            yield from _differences(stated.get(key), derived.get(key), f"{where}.{key}" if where else key)
    elif isinstance(stated, list) and isinstance(derived, list) and len(stated) == len(derived):
        for index, (a, b) in enumerate(zip(stated, derived, strict=True)):
            yield from _differences(a, b, f"{where}[{index}]")
    elif stated != derived:
        yield f"{where} is {stated!r} there and {derived!r} here"
