"""A table as plain data: what is said of a run is kept like this, and drawn for the terminal that asks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Group
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how what stands below it is set.

    head    the heading
    right   against the right edge, as numbers are
    wraps   where a cell is too long: between words, anywhere, or never
    """

    head: str
    right: bool = False
    wraps: Literal["words", "anywhere", "never"] = "never"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of text under headings.

    title     above
    columns   from left to right
    rows      as many cells as columns
    caption   below
    narrow    whether columns may stand close to each other

    >>> sheet = Sheet("Radii", (Column("Capability"), Column("σ", right=True)), (("math", "0.01"),))
    >>> Sheet.of_json(sheet.to_json()) == sheet
    True
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    narrow: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Sheet:
        """The same again."""
        columns = tuple(Column(**column) for column in data["columns"])
        return cls(**{**data, "columns": columns, "rows": tuple(map(tuple, data["rows"]))})

    def drawn(self) -> Table:
        """For rich's console; nothing in it is markup.

        >>> from rich.console import Console
        >>> columns = (Column("Capability"), Column("σ", right=True))
        >>> sheet = Sheet("How far each is:", columns, (("[red]math", "0.01"),))
        >>> Console(width=40, color_system=None).print(sheet.drawn())
        How far each is:
        Capability     σ
        [red]math   0.01
        """
        from rich.markup import escape
        from rich.table import Table

        table = Table(
            title=escape(self.title),
            caption=escape(self.caption) or None,
            title_justify="left",
            caption_justify="left",
            box=None,
            pad_edge=False,
            collapse_padding=self.narrow,
            header_style="bold",
        )
        for column in self.columns:
            table.add_column(
                escape(column.head),
                justify="right" if column.right else "left",
                no_wrap=column.wraps == "never",
                overflow="fold" if column.wraps == "anywhere" else "ellipsis",
            )
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table


def drawn(parts: Iterable[Sheet | str]) -> Group:
    """Sheets and lines, one below the other."""
    from rich.console import Group
    from rich.markup import escape

    return Group(*(part.drawn() if isinstance(part, Sheet) else escape(part) for part in parts))
