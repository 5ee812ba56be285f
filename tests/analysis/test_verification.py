"""Verification: any changed byte is found, and so is any number that does not follow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.evidence import Evidence
from corrie.analysis.verification import verify
from corrie.errors import ClaimError
from corrie.records.canonical import canonical_json, content_hash

Make = Callable[..., Evidence]


@pytest.fixture
def certificate(make_evidence: Make) -> Certificate:
    return Certificate(make_evidence(draws=20), FineTuned(distance=0.2, name="mine", content="c" * 64))


def test_a_whole_certificate_is_derived_again(certificate: Certificate, tmp_path: Path) -> None:
    found = verify(certificate.write(tmp_path))
    assert found.certificate == certificate
    assert "holds" in str(found)
    assert "distance of mine was measured with the model, and is taken as stated" in str(found)


@pytest.mark.parametrize("which", ["certificate", "outcomes"])
def test_any_flipped_byte_is_refused(certificate: Certificate, tmp_path: Path, which: str) -> None:
    file = certificate.write(tmp_path)
    target = file if which == "certificate" else tmp_path / certificate.evidence.file_name
    content, dice = target.read_bytes(), random.Random(0)
    for place, byte in enumerate(content):
        target.write_bytes(content[:place] + bytes([byte ^ dice.randrange(1, 256)]) + content[place + 1 :])
        with pytest.raises(ClaimError):
            verify(file)
    for changed in (content[:-1], content + b"\n", content[: len(content) // 2], b"", b"[]\n", b"[" * 100_000):
        target.write_bytes(changed)
        with pytest.raises(ClaimError):
            verify(file)
    target.write_bytes(content)
    verify(file)


def forge(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a certificate says, and make its digest fit."""
    stated = json.loads(file.read_text())
    change(stated)
    stated["digest"] = content_hash({k: v for k, v in stated.items() if k != "digest"})
    file.write_text(canonical_json(stated) + "\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["tasks"][0]["bound"][3].update(lower=0.999),
        lambda c: c.update(sentence=c["sentence"].replace("smoothed model", "model")),
        lambda c: c.update(verdict="vacuous"),
        lambda c: c.update(confidence=0.999),
        lambda c: c.update(radius=9.0),
        lambda c: c.update(draws=c["draws"] * 1.0),
        lambda c: c["asked"].update(distance=0.1),
        lambda c: c.update(asked=None),
        lambda c: c.update(extra=1),
        lambda c: c.pop("assumptions"),
        lambda c: c["outcomes"].update(file="../outcomes-000000000000.json"),
        lambda c: c["outcomes"].update(file=3),
        lambda c: c["outcomes"].update(file="a\0b"),
        lambda c: c["outcomes"].update(sha256="0" * 64),
        lambda c: c.pop("outcomes"),
        lambda c: c.update(retain="all"),
        lambda c: c.update(retain=7),
    ],
)
def test_a_forged_certificate_with_a_fitting_digest_is_refused(
    certificate: Certificate, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    file = certificate.write(tmp_path)
    forge(file, change)
    with pytest.raises(ClaimError):
        verify(file)


def forge_outcomes(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the outcomes, and every hash that leads to them; the certificate's numbers stay."""
    outcomes = next(file.parent.glob("outcomes-*.json"))
    held = json.loads(outcomes.read_text())
    change(held)
    text = canonical_json(held) + "\n"
    outcomes.write_text(text)
    import hashlib

    forge(file, lambda c: c["outcomes"].update(sha256=hashlib.sha256(text.encode()).hexdigest()))


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e["tasks"][0]["draws"].__setitem__(0, "00000"),
        lambda e: e["tasks"][0]["draws"].pop(),
        lambda e: e["tasks"][0]["draws"].__setitem__(0, "1111x"),
        lambda e: e["tasks"][0]["draws"].__setitem__(0, "111111"),
        lambda e: e["tasks"][0]["selection"].__setitem__(0, "00000"),
        lambda e: e["tasks"][0]["task"].update(chance=1.5),
        lambda e: e["spec"]["levels"][0].update(levels=[0.4]),
        lambda e: e["spec"].update(confidence=0.5),
        lambda e: e["spec"].update(first=e["spec"]["selection"]["first"]),
        lambda e: e.update(tasks=[]),
        lambda e: e.update(dimension=0),
        lambda e: e.update(draws=1),
        lambda e: e["spec"].update(draws="20"),
    ],
)
def test_forged_outcomes_with_fitting_hashes_are_refused(
    certificate: Certificate, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    file = certificate.write(tmp_path)
    forge_outcomes(file, change)
    with pytest.raises(ClaimError):
        verify(file)


def test_thresholds_that_were_picked_afterwards_are_refused(make_evidence: Make, tmp_path: Path) -> None:
    """A whole certificate, every hash right, whose thresholds are not those that the selection draws choose."""
    made = make_evidence(draws=20)
    levels = made.spec.levels[0].model_copy(update={"levels": (0.6,)})
    spec = made.spec.model_copy(update={"levels": (levels,)})
    file = Certificate(made.model_copy(update={"spec": spec})).write(tmp_path)
    with pytest.raises(ClaimError, match="the selection draws choose"):
        verify(file)


def test_what_is_not_there(tmp_path: Path, certificate: Certificate) -> None:
    with pytest.raises(ClaimError, match="cannot be read"):
        verify(tmp_path / "certificate-nowhere.json")
    file = certificate.write(tmp_path)
    (tmp_path / certificate.evidence.file_name).unlink()
    with pytest.raises(ClaimError, match="cannot be read"):
        verify(file)
