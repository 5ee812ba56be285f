"""The program that builds the walls: where it is, and how to get it."""

from __future__ import annotations

import shutil
from functools import cache

from corrie.errors import InputError

GET_BUBBLEWRAP = (
    "apt-get install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora), pacman -S bubblewrap (Arch)"
)


def bubblewrap() -> str:
    """Where bubblewrap is.

    Raises:
        InputError: it is not installed.
    """
    found = _found()
    if found is None:
        raise InputError(
            "running generated programs",
            found="bubblewrap (bwrap) is not installed: nothing would hold them",
            advice=f"{GET_BUBBLEWRAP}. On a machine that has nothing to lose: --run-code-unsandboxed",
        )
    return found


@cache
def _found() -> str | None:
    return shutil.which("bwrap")
