"""Text in a CSV that a spreadsheet must not run."""

from __future__ import annotations

import re

_RUN = re.compile("'*[=+\\-@\t\r\n]")


def csv_text(text: str) -> str:
    """A text cell: where a spreadsheet would take it for a formula an apostrophe stands before it.

    Which texts get one is so chosen that :func:`csv_read` can take it away again.

    >>> csv_text("=1+1"), csv_text("-3"), csv_text("gsm8k-1")
    ("'=1+1", "'-3", 'gsm8k-1')
    """
    return f"'{text}" if _RUN.match(text) else text


def csv_read(cell: str) -> str:
    """The text that :func:`csv_text` made a cell of.

    >>> csv_read("'=1+1"), csv_read("'twas")
    ('=1+1', "'twas")
    """
    return cell[1:] if cell.startswith("'") and _RUN.match(cell) else cell
