"""``corrie project``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give, say
from corrie.cli.draw import ItsModel, ItsSubspace, Out
from corrie.cli.options import Device, Json

Adapter = Annotated[str, typer.Argument(metavar="ADAPTER", help="A folder that PEFT wrote.")]
Certificate = Annotated[
    Path | None, typer.Option(help="A certificate of its subspace: into its radius, and what it then states is said.")
]
Radius = Annotated[
    float | None, typer.Option(help="L2 distance. Default: the certificate's radius. Alone: the norm of B.")
]


def project(
    adapter: Adapter,
    out: Out,
    certificate: Certificate = None,
    radius: Radius = None,
    model: ItsModel = None,
    subspace: ItsSubspace = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Pull an adapter back into a certified radius: its displacement is scaled until what is written lies inside.

    The distance is measured on the written adapter, in the certificate's subspace and on its lattice, and rounded up.
    """
    from corrie.verbs import project as pulled

    made = pulled(
        adapter, out=out, certificate=certificate, radius=radius, model=model, subspace=subspace, device=device, say=say
    )
    give(made.to_json() if as_json else str(made))
