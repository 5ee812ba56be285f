"""Where generated programs run: a program that a model wrote is nobody's to trust.

limits.py        what a program may take: processor time, memory, disk, output
walls.py         the walls around it, as one bubblewrap command
interpreter.py   the only files inside: the Python interpreter's own
syscalls.py      which calls of the kernel are refused
wire.py          the plain data that pass between the two rooms, as lines of JSON
guest.py         runs in the first room: defines the program, and calls its functions when asked
judge.py         runs in the second room: holds the tests and what they expect, and asks the first
program.py       a program, its tests, and the verdict
sandbox.py       builds both rooms for one program, waits, and gives the verdict; many at once

The tests never enter the room of the program. So nothing that a program prints, patches, reads or writes there can make
it pass: it has to give the right answers (``design/sandbox.md``).
"""

from corrie.sandbox.limits import Limits
from corrie.sandbox.program import Program, ProgramVerdict
from corrie.sandbox.sandbox import UNSANDBOXED, Sandbox
from corrie.sandbox.walls import Walls

__all__ = ["UNSANDBOXED", "Limits", "Program", "ProgramVerdict", "Sandbox", "Walls"]
