"""``corrie project``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.options import Made
from corrie.cli.question import DEVICE_ALONE, Asked, Ending, asks
from corrie.questions.served import PullBackQuestion

Adapter = Annotated[str, typer.Argument(metavar="ADAPTER", help="A folder that PEFT wrote.")]
Certificate = Annotated[
    Path | None, typer.Option(help="A certificate of its subspace: into its radius, and what it then states is said.")
]


@asks(
    PullBackQuestion,
    first={"adapter": (Adapter, ...), "out": (Made, ...), "certificate": (Certificate, None)},
    without=DEVICE_ALONE,
)
def project(asked: Asked) -> Ending:
    """Pull an adapter back into a certified radius: its displacement is scaled until what is written lies inside.

    The distance is measured on the written adapter, in the certificate's subspace and on its lattice, and rounded up.
    """
    return Ending()
