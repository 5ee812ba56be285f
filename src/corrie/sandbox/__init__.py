"""Where generated programs run: a program that a model wrote is nobody's to trust.

limits.py        what a program may take: processor time, memory, disk, output
walls.py         the walls around it, as one bubblewrap command
bubblewrap.py    where that program is, and how to get it
interpreter.py   the only files inside: the Python interpreter's own
syscalls.py      which calls of the kernel are refused
wire.py          the plain data that pass between the two rooms, as lines of JSON
guest.py         runs in the first room: defines the program, and calls its functions when asked
judge.py         runs in the second room: holds the tests and what they expect, and asks the first
program.py       a program, its tests, and the verdict
sandbox.py       builds both rooms for one program, waits, and gives the verdict; many at once

The tests never enter the room of the program. So nothing that a program prints, patches, reads or writes there can make
it pass: it has to give the right answers (``design/sandbox.md``).

Each name is resolved at its first use, so that ``corrie doctor`` loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corrie.lazy_names import lazily

if TYPE_CHECKING:
    from corrie.sandbox.limits import Limits
    from corrie.sandbox.program import Program, ProgramVerdict
    from corrie.sandbox.sandbox import UNSANDBOXED, Sandbox
    from corrie.sandbox.walls import Walls

_HOME = {
    "UNSANDBOXED": "sandbox",
    "Limits": "limits",
    "Program": "program",
    "ProgramVerdict": "program",
    "Sandbox": "sandbox",
    "Walls": "walls",
}

__all__ = ["UNSANDBOXED", "Limits", "Program", "ProgramVerdict", "Sandbox", "Walls"]


__getattr__, __dir__ = lazily(__name__, _HOME)
