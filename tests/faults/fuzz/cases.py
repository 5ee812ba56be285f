"""One damaged input, tried in a child of this process: at most 30 seconds and 4 GB, and no way to harm its parent."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 30
BYTES = 4 * 2**30

WELL = ("refused", "the same", "another")
"""Ends that are right: a sentence of ours; accepted with the right numbers; accepted as something else."""


@dataclass(frozen=True)
class End:
    """How a case ended.

    kind    *refused* by a sentence of ours, accepted as *the same* with the same numbers, accepted as *another* one
            by its identity; *wrong*: the same identity, other numbers, or numbers that are none (but of finite weights
            of 10³⁰ and more, under an identity of their own); *traceback*, *hang*, *abort*, *memory*
    said    the sentence, or where the traceback comes from
    """

    kind: str
    said: str
    seconds: float


def run(body: Callable[[], dict[str, Any]], expected: dict[str, Any] | None, scratch: Path) -> End:
    """Try a body in a child. It returns what was accepted: ``id``, and ``numbers`` that must be those of ``expected``
    when the id is the same."""
    reading, writing = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(body, writing, scratch)
    os.close(writing)
    data, late = b"", False
    while True:
        left = SECONDS - (time.monotonic() - started)
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            late = True
            break
        piece = os.read(reading, 65536)
        if not piece:
            break
        data += piece
    os.close(reading)
    if late:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - started
    if late:
        return End("hang", "", seconds)
    try:
        found = json.loads(data)
    except ValueError:
        return End("abort", f"status {status}: {_tail(scratch)}", seconds)
    if used.ru_maxrss * 1024 > BYTES or found["kind"] == "memory":
        return End("memory", found["said"], seconds)
    if found["kind"] == "accepted":
        return End(*_judge(found["found"], expected), seconds)
    return End(found["kind"], found["said"], seconds)


def _judge(found: dict[str, Any], expected: dict[str, Any] | None) -> tuple[str, str]:
    numbers = found.get("numbers", [])
    if not all(n == n and abs(n) != float("inf") for n in numbers) and not found.get("huge"):
        return "wrong", f"numbers that are none: {numbers[:4]}"
    if expected is None or found["id"] != expected["id"]:  # of huge weights, numbers that are none are theirs
        return "another", str(found["id"])[:80]
    close = len(numbers) == len(expected["numbers"]) and all(
        abs(a - b) <= 1e-4 for a, b in zip(numbers, expected["numbers"], strict=True)
    )
    return ("the same", "") if close else ("wrong", f"the same identity, {numbers[:3]} for {expected['numbers'][:3]}")


def _child(body: Callable[[], dict[str, Any]], writing: int, scratch: Path) -> None:
    from corrie.errors import CorrieError

    answer: dict[str, Any]
    try:
        quiet = os.open(scratch / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + BYTES, held + BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            answer = {"kind": "accepted", "found": body()}
        except CorrieError as error:
            said = str(error)
            greedy = any(sign in said for sign in ("allocate memory", "MemoryError", "out of memory"))
            answer = {"kind": "memory" if greedy else "refused", "said": said[:300]}
        except MemoryError:
            answer = {"kind": "memory", "said": _where()}
        except BaseException as error:
            greedy = "allocate memory" in str(error)
            answer = {"kind": "memory" if greedy else "traceback", "said": _where()}
        sys.stdout.flush()
        os.write(writing, json.dumps(answer).encode())
    finally:
        os._exit(0)


def _where() -> str:
    """The kind of an exception, the last line of ours that it came through, and what it said."""
    kind, error, trace = sys.exc_info()
    ours = [f for f in traceback.extract_tb(trace) if "/corrie/" in f.filename]
    place = f"{ours[-1].filename.split('/corrie/')[-1]}:{ours[-1].name}" if ours else "outside"
    return f"{getattr(kind, '__name__', kind)} through {place}: {str(error)[:160]}"


def _tail(scratch: Path) -> str:
    with contextlib.suppress(OSError):
        return (scratch / "said").read_bytes()[-300:].decode("utf-8", "replace")
    return ""
