"""What a program may take."""

from __future__ import annotations

from corrie.errors import InputError
from corrie.records.canonical import Record

_MIB = 2**20


class Limits(Record):
    """The most that one program may take. The defaults are wide for a benchmark's program and narrow for a machine.

    cpu       seconds of processor time of each room; a program that comes to this limit is run once more with twice as
              much, so that a busy machine changes no verdict
    memory    bytes of address space of each room
    disk      bytes of its own private folder
    output    bytes of one answer that it gives
    wall      seconds on the clock for a program that waits instead of computing

    >>> print(Limits())
    4 s of processor time, 1024 MiB of memory, 16 MiB of disk, 4 MiB an answer, 60 s on the clock
    """

    cpu: int = 4
    memory: int = 1024 * _MIB
    disk: int = 16 * _MIB
    output: int = 4 * _MIB
    wall: float = 60.0

    def __str__(self) -> str:
        sizes = [f"{n // _MIB} MiB {what}" for n, what in self._sizes()]
        return f"{self.cpu} s of processor time, {', '.join(sizes)}, {self.wall:g} s on the clock"

    def _sizes(self) -> tuple[tuple[int, str], ...]:
        return (self.memory, "of memory"), (self.disk, "of disk"), (self.output, "an answer")

    def checked(self) -> Limits:
        """These limits, if something can run in them.

        Raises:
            InputError: less than a second, or less memory than the interpreter takes.
        """
        if self.cpu < 1 or self.wall <= self.cpu or self.memory < 128 * _MIB or min(self.disk, self.output) < 4096:
            raise InputError(f"limits of {self}", found="the interpreter itself would not fit", advice=str(Limits()))
        return self

    def again(self) -> Limits:
        """For the second run of a program that came to a limit of time."""
        return self.model_copy(update={"cpu": 2 * self.cpu, "wall": 2 * self.wall})
