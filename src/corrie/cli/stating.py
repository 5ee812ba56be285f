"""What every command ends with that claims something: print it, and tell by the exit code whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corrie.cli.console import give
from corrie.errors import ClaimError

if TYPE_CHECKING:
    from corrie.analysis.statement import Statement


def state(found: Statement, asked: str, *, as_json: bool, more: str = "", advice: str = "") -> None:
    """Print a statement; exit code 3 unless it holds.

    Args:
        found: what was found.
        asked: what was asked, for the error.
        as_json: print it as data.
        more: printed below it as text.
        advice: what to try where it does not hold.

    Raises:
        ClaimError: it does not hold. It is printed, and kept where it is kept, all the same.
    """
    give(found.to_json() if as_json else "\n".join(filter(None, (str(found), more))))
    if not found.holds:
        raise ClaimError(asked, found=found.finding, advice=advice)
