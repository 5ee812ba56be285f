"""Colours that stay apart for colour-blind readers, on light and on dark paper.

The first five follow Okabe & Ito (2008), deepened until each stands out from white. No figure tells two things
apart by colour alone: lines also differ in dash and marker, labels are written out.
"""

from __future__ import annotations

from typing import NamedTuple

from corrie.records.cell import Label


class Tone(NamedTuple):
    """One colour on light and on dark paper."""

    light: str
    dark: str


SERIES = (
    Tone("#0072b2", "#55aee8"),
    Tone("#cc5500", "#f08a4b"),
    Tone("#008c66", "#35c79c"),
    Tone("#b04a8b", "#e092c4"),
    Tone("#a87400", "#e6b450"),
    Tone("#4a4a4a", "#d2d2d2"),
    Tone("#4f8fc0", "#9ed3f5"),
    Tone("#8c2d4f", "#dc7c9b"),
)
"""Colours of tasks, in the order in which they were asked for."""

DASHES = ("solid", "dash", "dot", "dashdot")
"""Dashes of tasks beyond the first eight (Plotly's names)."""

MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "pentagon")
"""Markers of tasks (Plotly's names)."""

LABEL_TONES: dict[Label, Tone] = {
    "right": Tone("#008c66", "#35c79c"),
    "wrong": Tone("#d9822b", "#f0a35c"),
    "refused": Tone("#0072b2", "#55aee8"),
    "complied": Tone("#b04a8b", "#e092c4"),
    "answered": Tone("#5ba3cf", "#9ed3f5"),
    "collapsed": Tone("#5c5c5c", "#9a9a9a"),
    "unscored": Tone("#c9c9c9", "#565656"),
}
"""Colours of what became of an example."""


def tone(number: int) -> Tone:
    """The colour of the task with this number.

    >>> tone(0) == tone(len(SERIES))
    True
    """
    return SERIES[number % len(SERIES)]


def css_variables() -> str:
    """The palette as CSS: ``--s0`` … for tasks, ``--right`` … for labels; ``.s0`` … set ``--tone`` to the task's."""
    names = {f"s{i}": tone for i, tone in enumerate(SERIES)} | dict(LABEL_TONES)
    light = "".join(f"--{name}:{tone.light};" for name, tone in names.items())
    dark = "".join(f"--{name}:{tone.dark};" for name, tone in names.items())
    tones = "".join(f".s{i}{{--tone:var(--s{i})}}" for i in range(len(SERIES)))
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{tones}"
