"""What every command ends with that asks something: print what was found; the exit code says whether it holds."""

from __future__ import annotations

from typing import Any

from corrie.cli.console import give
from corrie.errors import ClaimError


def state(found: Any, asked: str, *, as_json: bool, more: str = "", advice: str = "") -> None:
    """Print what was found; of a statement that was asked for, exit code 3 unless it holds.

    Args:
        found: what was found.
        asked: what was asked, for the error; "": nothing is claimed.
        as_json: print it as data.
        more: printed below it as text.
        advice: what to try where it does not hold.

    Raises:
        ClaimError: it does not hold. It is printed, and kept where it is kept, all the same.
    """
    give(found.to_json() if as_json else "\n".join(filter(None, (str(found), more))))
    if asked and not found.holds:
        raise ClaimError(asked, found=found.finding, advice=advice)
