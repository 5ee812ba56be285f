"""Tests in processes of their own, forked from this one: the libraries are loaded already, and what is done to a
process ends with it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import NoReturn, TextIO


def forked(*jobs: Callable[[], object], seconds: float = 240) -> None:
    """Run each job in a process of its own, all at once; a traceback goes to stderr.

    A forked process has no threads but its own, so torch computes with one. No job may go backward: on a machine with
    graphics processors the threads of autograd stay behind.

    Raises:
        AssertionError: one of them failed, or they took too long; the others are ended, as they may wait for it.
    """
    fork = multiprocessing.get_context("fork")
    started = [fork.Process(target=_alone, args=(job,), daemon=True) for job in jobs]
    for process in started:
        process.start()
    left = {process.sentinel: process for process in started}
    while left:
        ended = [left.pop(sentinel) for sentinel in wait(list(left), seconds)]  # type: ignore[arg-type]
        for process in ended:
            process.join()
        if not ended or any(process.exitcode for process in ended):
            for process in left.values():
                process.kill()
                process.join()
            left = {}
    assert [process.exitcode for process in started] == [0] * len(jobs), "see stderr"


def _alone(job: Callable[[], object]) -> None:
    _one_thread()
    job()


def _one_thread() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


# ── programs: as python -c or python FILE would run them, without loading anything ──

_KEPT: socket.socket | None = None
"""Where the process is asked that was kept as it was before the first test."""
_KEEPER = 0
"""Its number."""


def keep_one() -> None:
    """Fork once all is loaded and before any test has run: programs are forked from that process, which has no state of
    a test, no threads, and has computed nothing."""
    global _KEPT, _KEEPER
    if _KEPT is not None or not hasattr(os, "fork"):
        return
    _KEPT, asked = socket.socketpair()
    _KEEPER = os.fork()
    if _KEEPER == 0:
        _KEPT.close()
        try:
            _serve(asked)
        finally:
            os._exit(1)
    asked.close()


def let_go() -> None:
    """It ends, once whatever it has forked has."""
    global _KEPT
    if _KEPT is not None:
        _KEPT.close()
        _KEPT = None
        os.waitpid(_KEEPER, 0)


class Program:
    """A program that runs: what ``subprocess.Popen`` says of one."""

    def __init__(self, pid: int, stdout: TextIO, ends: TextIO) -> None:
        self.pid, self.stdout, self._ends = pid, stdout, ends
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if not select.select([self._ends], [], [], 0)[0]:  # it has not ended
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = 240) -> int:
        if self.returncode is None:
            if not select.select([self._ends], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self.returncode = int(self._ends.readline())
        return self.returncode


@contextmanager
def program(
    code: str | Path,
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    stderr: int | None = None,
) -> Iterator[Program | subprocess.Popen[str]]:
    """A text of Python, or a file, run with these arguments in a process of its own; at the end it is waited for."""
    words = [str(a) for a in arguments]
    variables = dict(os.environ if environment is None else environment)
    if _KEPT is None:
        command = [sys.executable, *(("-c", code) if isinstance(code, str) else (str(code),)), *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=variables) as started:
            yield started
        return
    (told, telling), (ends, ending) = os.pipe(), os.pipe()
    given = (telling, 2 if stderr is None else stderr, ending)
    asked = pickle.dumps((code, words, variables, os.getcwd()))
    socket.send_fds(_KEPT, [len(asked).to_bytes(8, "little")], given)
    _KEPT.sendall(asked)
    os.close(telling)
    os.close(ending)
    with os.fdopen(told, encoding="utf-8") as stdout, os.fdopen(ends) as status:
        made = Program(int(status.readline()), stdout, status)
        yield made
        stdout.close()
        made.wait()


def run_program(
    code: str | Path, *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same, to its end: its code, and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        with program(code, *arguments, environment=environment, stderr=errors.fileno()) as started:
            assert started.stdout is not None
            out = started.stdout.read()
        errors.seek(0)
        return subprocess.CompletedProcess([str(code)], started.wait(), out, errors.read())


def _serve(asked: socket.socket) -> NoReturn:
    """Fork what is asked for, until the one who asks has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        head, given, *_ = socket.recv_fds(asked, 8, 3)
        if not head:
            with suppress(ChildProcessError):
                while True:
                    os.wait()
            os._exit(0)
        size, parts = int.from_bytes(head, "little"), b""
        while len(parts) < size:
            parts += asked.recv(size - len(parts))
        if os.fork() == 0:
            asked.close()
            _mind(pickle.loads(parts), *given)
        for number in given:
            os.close(number)


def _mind(asked: tuple[str | Path, list[str], dict[str, str], str], out: int, err: int, ending: int) -> NoReturn:
    """Say the number of the process that runs the program, and how it ended."""
    child = os.fork()
    if child == 0:
        os.close(ending)
        _run(*asked, out, err)
    os.close(out)
    os.write(ending, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(ending, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(code: str | Path, words: list[str], variables: dict[str, str], place: str, out: int, err: int) -> NoReturn:
    ends = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(place)
        os.environ.clear()
        os.environ.update(variables)
        _one_thread()
        named = "-c" if isinstance(code, str) else str(code)
        sys.argv = [named, *words]
        text = code if isinstance(code, str) else code.read_text("utf-8")
        exec(compile(text, named, "exec"), {"__name__": "__main__", "__file__": named})
        ends = 0
    except SystemExit as stop:
        ends = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ends)
