"""``corrie verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give
from corrie.cli.options import Json

File = Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="A certificate-….json, its outcomes file beside it.")]


def verify(file: File, as_json: Json = False) -> None:
    """Derive a certificate's every number again from its stored outcomes, without the model.

    Exit code 0: every byte is as it was made. 3: something differs; what, and where, is said.
    """
    from corrie.analysis.verification import verify

    found = verify(file)
    give({"holds": True, "certificate": found.certificate.to_json()} if as_json else str(found))
