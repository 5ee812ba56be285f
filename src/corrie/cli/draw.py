"""``corrie draw``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.options import Made
from corrie.cli.question import DEVICE_ALONE, Asked, Ending, asks
from corrie.questions.served import DrawQuestion

File = Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="A certificate-….json, its outcomes file beside it.")]
Around = Annotated[
    str | None, typer.Argument(metavar="[ADAPTER]", help="A fine-tune in its subspace. Default: the model itself.")
]


@asks(
    DrawQuestion,
    first={"certificate": (File, ...), "out": (Made, ...), "adapter": (Around, None)},
    without=DEVICE_ALONE,
)
def draw(asked: Asked) -> Ending:
    """Draw adapters of the smoothed model that a certificate speaks of, for any server that takes LoRA adapters.

    Each is x' + ε with noise as the certificate's: choose one at random for each request. The certificate is verified
    first; another model or subspace than its own is refused.
    """
    return Ending()
