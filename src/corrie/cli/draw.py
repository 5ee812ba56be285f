"""``corrie draw``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.console import give, say
from corrie.cli.options import Device, Json

File = Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="A certificate-….json, its outcomes file beside it.")]
Around = Annotated[
    str | None, typer.Argument(metavar="[ADAPTER]", help="A fine-tune in its subspace. Default: the model itself.")
]
Count = Annotated[int, typer.Option(help="How many adapters are drawn.")]
Seed = Annotated[
    int | None, typer.Option(help="Seed of the first draw. Default: each from the operating system, and said.")
]
Out = Annotated[Path, typer.Option(help="The folder that is made.")]
ItsModel = Annotated[
    str | None, typer.Option("--model", help="Where the certificate's model lies. Default: the name it had.")
]
ItsSubspace = Annotated[
    str | None,
    typer.Option(
        "--subspace", help="Where its subspace lies, if no law makes it: adapter:FOLDER, core:FILE. It is compared."
    ),
]


def draw(
    certificate: File,
    out: Out,
    adapter: Around = None,
    count: Count = 16,
    seed: Seed = None,
    model: ItsModel = None,
    subspace: ItsSubspace = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Draw adapters of the smoothed model that a certificate speaks of, for any server that takes LoRA adapters.

    Each is x' + ε with noise as the certificate's: choose one at random for each request. The certificate is verified
    first; another model or subspace than its own is refused.
    """
    from corrie.verbs import draw as drawn

    made = drawn(
        certificate, adapter, out=out, count=count, seed=seed, model=model, subspace=subspace, device=device, say=say
    )
    give(made.to_json() if as_json else str(made))
