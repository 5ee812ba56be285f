"""The walls around a room, as one bubblewrap command.

Inside is nothing but the interpreter, read-only, two files of corrie's own and a small private folder; no network, no
other process, no environment, no right of any kind. Everything in a room ends with it.
"""

from __future__ import annotations

from pathlib import Path

from corrie.records.canonical import Record
from corrie.sandbox.bubblewrap import bubblewrap
from corrie.sandbox.interpreter import Interpreter
from corrie.sandbox.limits import Limits
from corrie.sandbox.syscalls import seccomp_filter

INSIDE = "/corrie-sandbox"
"""Where corrie's own files lie in a room."""

FILES = ("wire.py", "guest.py", "judge.py")

FIXED = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}
"""Variables of a room's environment: the order of a set is no matter of luck."""

_NOBODY = "65534"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


class Walls(Record):
    """Which walls stand. All of them, but in the tests that show what each one holds.

    files        no file of the machine but the interpreter's, and these read-only
    network      no network
    processes    one process with one thread, which sees no other
    disk         a private folder of limited size is all that can be written
    environment  no variable of the environment
    """

    files: bool = True
    network: bool = True
    processes: bool = True
    disk: bool = True
    environment: bool = True

    @property
    def own(self) -> str:
        """The folder with corrie's own files, inside: a folder of the machine's could not be made."""
        return INSIDE if self.files else f"/tmp{INSIDE}"

    def filter(self) -> bytes:
        """The filter of kernel calls that belongs to these walls."""
        return seccomp_filter(network=self.network, processes=self.processes)

    def command(self, inside: Interpreter, limits: Limits, sources: dict[str, int], filter_file: int) -> list[str]:
        """The command that builds them, up to the program to start.

        Args:
            sources: file name → open file of each of :data:`FILES`.
            filter_file: open file of the filter.
        """
        found = [
            bubblewrap(),
            "--die-with-parent",
            "--new-session",
            "--unshare-user",
            "--uid",
            _NOBODY,
            "--gid",
            _NOBODY,
        ]
        found += ["--cap-drop", "ALL", "--unshare-ipc", "--unshare-uts", "--hostname", "room"]
        found += ["--unshare-cgroup-try", "--seccomp", str(filter_file)]
        if self.processes:
            found += ["--unshare-pid"]
        if self.network:
            found += ["--unshare-net"]
        if self.environment:
            found += ["--clearenv"]
        if self.files:
            for place in (inside.program, *inside.library):
                found += ["--ro-bind", place, place]
            for place, file in inside.objects:
                found += ["--ro-bind", file, place]
            for place in inside.installed:
                found += ["--tmpfs", place, "--remount-ro", place]
        else:
            found += ["--ro-bind", "/", "/"]
        for place in _DEVICES:
            found += ["--dev-bind", place, place]
        found += (["--size", str(limits.disk)] if self.disk else []) + ["--tmpfs", "/tmp"]
        for name, file in sources.items():
            found += ["--ro-bind-data", str(file), f"{self.own}/corrie/sandbox/{name}"]
        if self.files and self.disk:
            found += ["--remount-ro", "/"]
        found += ["--chdir", "/tmp"]
        for name, value in {**FIXED, "LD_LIBRARY_PATH": inside.search_path, "HOME": "/tmp"}.items():
            found += ["--setenv", name, value]
        return [*found, "--"]


def start(own: str, inside: Interpreter, room: str, *numbers: int) -> list[str]:
    """What is started in a room: ``guest`` or ``judge``, with the numbers of its open files.

    Not isolated (``-I``), which would have the interpreter pass over :data:`FIXED`, and draw how it hashes; what else
    it would pass over is not there.

    Args:
        own: the folder with corrie's own files.
    """
    code = f"import sys; sys.path.append({own!r}); from corrie.sandbox.{room} import main; main()"
    return [inside.program, "-P", "-s", "-S", "-B", "-c", code, *map(str, numbers)]


def own_source(name: str) -> bytes:
    """One of corrie's own files that lie in a room."""
    return (Path(__file__).parent / name).read_bytes()
