"""Run programs in rooms that hold them."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from corrie.errors import InputError
from corrie.sandbox.interpreter import Interpreter, interpreter
from corrie.sandbox.limits import Limits
from corrie.sandbox.program import ENDINGS, Program, ProgramVerdict
from corrie.sandbox.walls import FILES, FIXED, Walls, own_source, start

UNSANDBOXED = "programs run without a sandbox"
"""What is said of programs that no wall holds: they have the rights of whoever runs corrie."""

_VERDICT = 4096
"""Bytes of what the judge says."""

_LAST = 2.0
"""Seconds for a room to end by itself when the verdict is there."""

_PROBE = """
def tried():
    import os, socket
    found = []
    for name, act in (
        ("reads files of the machine", lambda: os.listdir("/etc")),
        ("reads other processes", lambda: os.listdir("/proc/1")),
        ("writes beside its folder", lambda: open("/written", "w")),
        ("reaches the network", lambda: socket.socket()),
        ("starts processes", lambda: os.fork() or os._exit(0)),
        ("takes more memory", lambda: bytearray(2**40)),
        ("takes more disk", lambda: open("/tmp/large", "wb").write(bytes(LARGE))),
    ):
        try:
            act()
        except (OSError, MemoryError):
            continue
        found.append(name)
    known = {"PYTHONHASHSEED", "LANG", "LD_LIBRARY_PATH", "HOME", "PWD", "LC_CTYPE"}
    return found + (["sees the environment"] if set(os.environ) - known else [])
"""


@dataclass(frozen=True)
class Sandbox:
    """A program in one room, its tests in another; both end with the verdict.

    limits      what a program may take
    walls       which walls stand; None: none of them (:data:`UNSANDBOXED`), for machines that have nothing to lose
    inside      the interpreter; by default the one that runs corrie
    user        who starts the rooms, where this process is root; None: whoever runs corrie

    >>> program = Program(code="def double(n): return 2 * n", tests="assert double(4) == 8")
    >>> print(Sandbox().judge(program))  # doctest: +SKIP
    all tests hold
    """

    limits: Limits = field(default_factory=Limits)
    walls: Walls | None = field(default_factory=Walls)
    inside: Interpreter = field(default_factory=interpreter)
    user: int | None = None

    def check(self) -> None:
        """Try the walls from inside, before anything of a model's is run. (Where there are none, nothing is tried.)

        Raises:
            InputError: bubblewrap is missing or may not be used here, or a wall does not hold.
        """
        self.limits.checked()
        if self.walls is None:
            return
        probe = _PROBE.replace("LARGE", str(2 * self.limits.disk))
        tests = "found = tried()\nassert not found, ', '.join(found)"
        verdict = self._once(Program(code=probe, tests=tests), self.limits)
        if not verdict.passed:
            raise InputError(
                "running generated programs in a sandbox",
                found=f"its walls were tried from inside, and a program {verdict.words or verdict}",
                advice="another machine, or a kernel that allows user namespaces",
            )

    def judge(self, program: Program) -> ProgramVerdict:
        """Run one program. A limit of time is met twice, the second time with twice as much, before it counts."""
        verdict = self._once(program, self.limits)
        if verdict.ending in ("too_slow", "waited"):
            verdict = self._once(program, self.limits.again())
        return verdict

    def judge_all(self, programs: Sequence[Program], workers: int | None = None) -> tuple[ProgramVerdict, ...]:
        """Run several, as many at once as there are processors."""
        if len(programs) < 2:
            return tuple(map(self.judge, programs))
        with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
            return tuple(pool.map(self.judge, programs))

    def _once(self, program: Program, limits: Limits) -> ProgramVerdict:
        order = {
            **program.model_dump(mode="json"),
            "limits": limits.model_dump(include={"cpu", "memory", "disk"}),
            "most": limits.output,
        }
        with contextlib.ExitStack() as open_files:
            verdict, answers, asked = (_Pipe(open_files) for _ in range(3))
            tests = _file(open_files, json.dumps(order).encode("ascii"))
            said = open_files.enter_context(tempfile.TemporaryFile())
            guest = self._room(open_files, "guest", (), asked, answers, said, limits)
            numbers = (tests.fileno(), verdict.write.fileno())
            judge = self._room(open_files, "judge", numbers, answers, asked, said, limits)
            for end in (verdict.write, answers.read, answers.write, asked.read, asked.write):
                end.close()  # so that a room that ends is seen to end
            found = _read(verdict.read.fileno(), limits.wall)
            if found is None:
                return ProgramVerdict(ending="waited")
            return self._verdict(json.loads(found), guest) if found else self._silent(judge, said)

    def _room(
        self,
        files: contextlib.ExitStack,
        name: str,
        numbers: tuple[int, ...],
        read: _Pipe,
        write: _Pipe,
        said: IO[bytes],
        limits: Limits,
    ) -> subprocess.Popen[bytes]:
        """Start a room; it is ended, with everything in it, when ``files`` is left."""
        who: dict[str, Any] = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        if self.walls is None:
            own = _copies(files)
            command, passed = start(own, self.inside, name, *numbers), numbers
            who |= {"cwd": own, "env": {**FIXED, "HOME": own, "TMPDIR": own}}
        else:
            sources = {file: _file(files, own_source(file)).fileno() for file in FILES}
            law = _file(files, self.walls.filter()).fileno()
            command = self.walls.command(self.inside, limits, sources, law)
            command += start(self.walls.own, self.inside, name, *numbers)
            passed = (*numbers, *sources.values(), law)
            who |= {"cwd": "/"}
        room = subprocess.Popen[bytes](
            command,
            stdin=read.read,
            stdout=write.write,
            stderr=said,
            pass_fds=passed,
            start_new_session=True,
            **who,
        )
        files.callback(_end, room)
        return room

    def _silent(self, judge: subprocess.Popen[bytes], said: IO[bytes]) -> ProgramVerdict:
        """The judge ended without a word: a limit of its own, or the room could not be built."""
        code = _code(judge)
        if code in (signal.SIGXCPU, signal.SIGKILL):
            return ProgramVerdict(ending="too_slow")
        said.seek(0)
        words = said.read(_VERDICT).decode("utf-8", "replace").strip()
        if words.startswith("bwrap:"):
            raise InputError(
                "running generated programs in a sandbox",
                found=words.splitlines()[0],
                advice="a kernel that allows user namespaces (sysctl kernel.unprivileged_userns_clone=1, or "
                "kernel.apparmor_restrict_unprivileged_userns=0)",
            )
        return ProgramVerdict(ending="too_large")

    def _verdict(self, told: dict[str, str], guest: subprocess.Popen[bytes]) -> ProgramVerdict:
        end = told.get("end")
        if end == "ended" and _code(guest) in (signal.SIGXCPU, signal.SIGKILL):
            return ProgramVerdict(ending="too_slow")
        words = told.get("words", "")
        if end == "raised" and words.startswith("MemoryError"):
            return ProgramVerdict(ending="too_large")
        return ProgramVerdict(ending=end if end in ENDINGS else "no_answer", words=words)


class _Pipe:
    """Both ends of a pipe, closed once each, at the latest when ``files`` is left."""

    def __init__(self, files: contextlib.ExitStack) -> None:
        read, write = os.pipe()
        self.read = files.enter_context(open(read, "rb", buffering=0))  # noqa: SIM115
        self.write = files.enter_context(open(write, "wb", buffering=0))  # noqa: SIM115


def _copies(files: contextlib.ExitStack) -> str:
    """A folder with corrie's own files alone, for rooms without walls."""
    folder = files.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    inside = Path(folder) / "corrie" / "sandbox"
    inside.mkdir(parents=True)
    for name in FILES:
        (inside / name).write_bytes(own_source(name))
    return folder


def _file(files: contextlib.ExitStack, content: bytes) -> IO[bytes]:
    """An open file of this content that has no name."""
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.write(content)
    file.seek(0)
    return file


def _read(number: int, seconds: float) -> bytes | None:
    """Everything up to the end; None if that does not come in time."""
    ends, found = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(number, selectors.EVENT_READ)
        while (left := ends - time.monotonic()) > 0 and len(found) < _VERDICT:
            if waiting.select(left):
                piece = os.read(number, _VERDICT)
                if not piece:
                    return found
                found += piece
    return None if len(found) < _VERDICT else found


def _code(room: subprocess.Popen[bytes]) -> int:
    """The signal that ended a room, or 0."""
    try:
        code = room.wait(_LAST)
    except subprocess.TimeoutExpired:
        return 0
    return -code if code < 0 else max(code - 128, 0)


def _end(room: subprocess.Popen[bytes]) -> None:
    """End a room, with everything in it."""
    if room.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(room.pid, signal.SIGKILL)
        room.kill()
        room.wait()
