"""Rich's console for text that comes from strangers, and for readers that go away."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from corrie.cli.console import hush
from corrie.reporting.visible import visible


class CarefulConsole(Console):
    r"""A console that shows control characters instead of sending them; its own colours and moves stay.

    >>> CarefulConsole(color_system=None).print("a\x1b[2Jb")
    a\x1b[2Jb
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments whose text is visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: be silent, and let the command end as it would."""
        hush(sys.stderr if self.stderr else sys.stdout)
