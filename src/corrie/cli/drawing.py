"""What ``corrie certify`` and ``corrie protect`` end with: draw, write, say, and tell by the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from corrie.cli.console import say
from corrie.cli.progress import ScanProgress
from corrie.cli.stating import state

if TYPE_CHECKING:
    from corrie.analysis.certificate import FineTuned
    from corrie.scanning.certificate_scan import CertificateScan


def draw_and_give(
    prepared: CertificateScan,
    run: Path,
    files: Path,
    *,
    asked: FineTuned | None,
    retain: float,
    as_json: bool,
    advice: str,
    finish: Callable[[Path], Path] = lambda file: file,
) -> Path:
    """Draw a certificate in a run folder, put its files into ``files``, and print it; the certificate's file.

    Args:
        finish: called with the certificate's file when everything is written, before it is printed; where it lies then.

    Raises:
        ClaimError: it is vacuous or abstained; it is written all the same.
    """
    from corrie.records.sqlite_store import SqliteStore
    from corrie.subspaces.space import dimension

    space = prepared.space
    say(f"Certify in {space.spec}: {dimension(space):,} coordinates, σ = {prepared.sigma:g}, {prepared.draws} draws.")
    with SqliteStore.create_or_open(run, prepared.identity) as store, ScanProgress() as progress:
        certificate = prepared.run(store, asked=asked, retain=retain, watch=progress)
    file = finish(certificate.write(files))
    say(f"Certificate: {file}. Next: corrie verify {file}")
    state(certificate, "an informative certificate", as_json=as_json, advice=advice)
    return file
