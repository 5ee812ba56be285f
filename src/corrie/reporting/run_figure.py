"""The figure of a run: of its lines, or of its plane, whichever was asked last."""

from __future__ import annotations

from pathlib import Path

from corrie.analysis.landscape import Landscape
from corrie.analysis.plane import Plane
from corrie.reporting.figure import save_figure
from corrie.reporting.plane_figure import save_plane_figure


def save_run_figure(run: Path | str, out: Path, *, retention: float | None = None, confidence: float = 0.95) -> Path:
    """Write the figure of a run folder, whole or not at all.

    Raises:
        UnknownName: a file whose name ends in something else than .pdf, .png or .svg.
        InputError: matplotlib is not installed, or there is nothing to draw.
        RunError: there is no run, or nothing was asked of it yet.
        StorageError: the disk refuses.
    """
    last = Plane.last_of(run)
    if last is not None:
        return save_plane_figure(last, out)
    return save_figure(Landscape.open(run), out, retention=retention, confidence=confidence)
