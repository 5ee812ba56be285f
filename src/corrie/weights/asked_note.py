"""Which question a folder of weights answers: a hash of it in the header of its safetensors file.

A command that is killed after its folder was put in place, and before it said so, finds its own answer there.
"""

from __future__ import annotations

from pathlib import Path

from corrie.errors import CorrieError
from corrie.weights.adapter import WEIGHTS
from corrie.weights.tensor_files import TensorFiles

ASKED = "corrie.asked"
"""The header's entry."""

_FILES = ("model.safetensors", WEIGHTS)


def note_of(asked: str) -> dict[str, str]:
    """The header's entry for a question; none for none.

    >>> note_of("5f2a"), note_of("")
    ({'corrie.asked': '5f2a'}, {})
    """
    return {ASKED: asked} if asked else {}


def asked_of(folder: Path) -> str | None:
    """The hash of the question that a folder answers; None where there is no folder, or it tells of none."""
    for name in _FILES:
        if (folder / name).is_file():
            try:
                return TensorFiles.open(folder / name).notes.get(ASKED)
            except (CorrieError, OSError):
                return None
    return None
