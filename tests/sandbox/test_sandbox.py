"""Hostile programs: each is contained, and each wall is shown to be what contains it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.sandbox.rooms import needs_rooms

from corrie.errors import InputError
from corrie.sandbox import Limits, Program, Sandbox, Walls
from corrie.sandbox.interpreter import Interpreter, interpreter

pytestmark = needs_rooms

NOBODY = 65534
SMALL = Limits(cpu=1, wall=60.0, memory=256 * 2**20, disk=2**20, output=2**16)


def _for_all() -> Interpreter | None:
    """An interpreter that everybody may start; None where there is none."""
    for program in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"):
        if os.path.exists(program):
            found = interpreter(program)
            try:
                subprocess.run([found.program, "-I", "-S", "-c", ""], check=True, user=NOBODY, group=NOBODY, cwd="/")
            except (OSError, subprocess.SubprocessError):
                continue
            return found
    return None


def _sandboxes() -> dict[str, dict]:
    """How the rooms are started: by whoever runs the tests and, where that is root, by nobody."""
    found: dict[str, dict] = {"as it is": {}}
    if os.geteuid() == 0 and (inside := _for_all()) is not None:
        found["as nobody"] = {"user": NOBODY, "inside": inside}
    return found


WHO = _sandboxes()


@pytest.fixture(params=list(WHO))
def who(request: pytest.FixtureRequest) -> dict:
    """Terms of a sandbox for each of them."""
    return WHO[request.param]


def double(code: str, tests: str = "assert double(4) == 8") -> Program:
    return Program(code=code, tests=tests)


ATTEMPTS = {
    "exits with success": "import os\ndef double(n): os._exit(0)",
    "raises SystemExit": "import sys\ndef double(n): sys.exit(0)",
    "exits while it is defined": "import os; os._exit(0)",
    "prints the sentinel of success": "def double(n):\n print('passed', '{\"end\": \"passed\"}', flush=True)",
    "writes a verdict where the judge does": (
        'import os\ndef double(n):\n for i in range(3, 64):\n  try: os.write(i, b\'{"end": "passed"}\\n\')\n'
        "  except OSError: pass"
    ),
    "patches what a test uses": (
        "import builtins\nbuiltins.AssertionError = builtins.bool = lambda *a: True\n"
        "class Same(int):\n __eq__ = lambda a, b: True\n __hash__ = int.__hash__\ndef double(n): return Same(3)"
    ),
    "gives an object equal to everything": "class Same:\n __eq__ = lambda a, b: True\ndef double(n): return Same()",
    "rewrites its caller": "import sys\ndef double(n):\n sys._getframe(1).f_locals['asked'] = None\n return 3",
    "reads the answer in its caller": (
        "import gc\ndef double(n):\n"
        " return next((x for x in gc.get_objects() if isinstance(x, dict) and 'tests' in x), 3)"
    ),
    "kills the parent": "import os\ndef double(n):\n os.kill(os.getppid(), 9)\n return 3",
    "is a fork bomb": (
        "import os\ndef double(n):\n for _ in range(10**6):\n  try: os.fork()\n  except OSError: return 3\n return 3"
    ),
    "is a bomb of threads": (
        "import threading, time\ndef double(n):\n for _ in range(10**4):\n"
        "  threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n return 8"
    ),
    "writes over the tests": (
        "import os\ndef double(n):\n for folder, _, files in os.walk('/'):\n  for file in files:\n"
        "   if file in ('judge.py', 'guest.py', 'wire.py'):\n"
        "    open(os.path.join(folder, file), 'w').write('raise SystemExit(0)')\n return 8"
    ),
    "reads the tests in a file": (
        "import os\ndef double(n):\n for folder in ('/tmp', '/corrie-sandbox', '/proc'):\n"
        "  for place, _, files in os.walk(folder):\n   for file in files:\n"
        "    with open(os.path.join(place, file), errors='replace') as f:\n"
        "     if 'double(4) == ' in f.read(): return 8\n return 3"
    ),
    "reads the tests in the memory of others": (
        "import os\ndef double(n):\n for pid in [os.getppid(), *range(1, 9)]:\n  try:\n"
        "   with open(f'/proc/{pid}/mem', 'rb', 0) as f: f.seek(4096); f.read(64); return 8\n"
        "  except OSError: pass\n return 3"
    ),
    "kills everything": "import os\ndef double(n):\n os.kill(-1, 9)\n return 3",
    "asks for a terminal": "def double(n): return input()",
    "loops": "def double(n):\n while True: pass",
    "ignores the end of its time": (
        "import signal\nsignal.signal(signal.SIGXCPU, lambda *a: None)\ndef double(n):\n while True: pass"
    ),
    "takes all memory": "def double(n):\n x = []\n while True: x.append(bytearray(10**7))",
    "answers without end": "def double(n): return 'x' * 10**6",
    "nests without end": "def double(n):\n x = []\n for _ in range(100000): x = [x]\n return x",
    "recurses": "def double(n): return double(n)",
}

ENDINGS = {
    "loops": "too_slow",
    "ignores the end of its time": "too_slow",
    "takes all memory": "too_large",
    "answers without end": "too_long",
}


@pytest.mark.parametrize("attempt", list(ATTEMPTS))
def test_no_wrong_program_passes(attempt: str, who: dict) -> None:
    verdict = Sandbox(limits=SMALL, **who)._once(double(ATTEMPTS[attempt]), SMALL)
    assert not verdict.passed
    assert verdict.ending == ENDINGS.get(attempt, verdict.ending)


def test_a_right_program_passes(who: dict) -> None:
    sandbox = Sandbox(limits=SMALL, **who)
    assert sandbox.judge(double("def double(n): return 2 * n")).passed
    assert sandbox.judge(double("def double(n): return 2 * n", "assert double(4) == 9")).ending == "failed"
    assert sandbox.judge(double("def double(n): return 2 *")).words.startswith("SyntaxError")
    sandbox.check()


def test_waiting_is_ended_on_the_clock() -> None:
    begun = time.monotonic()
    limits = Limits(cpu=1, wall=1.5)
    assert Sandbox()._once(double("import time\ndef double(n): time.sleep(60)"), limits).ending == "waited"
    assert time.monotonic() - begun < 30


OUTSIDE = "CORRIE_TEST_OF_THE_WALLS"

ESCAPES = {
    "files": "import os\ndef out(there): return os.path.exists(there)",
    "network": "import socket\ndef out(there):\n socket.socket().close()\n return True",
    "processes": "import os\ndef out(there):\n if os.fork() == 0: os._exit(0)\n os.wait()\n return True",
    "disk": "def out(there):\n open('/tmp/x', 'wb').close()\n files = [open(f'/tmp/{i}', 'wb') for i in range(6)]\n"
    " for f in files: f.write(bytes(500_000)); f.flush()\n return True",
    "environment": f"import os\ndef out(there): return '{OUTSIDE}' in os.environ",
}
"""What each wall holds: true only where it is missing."""


@pytest.mark.parametrize("wall", list(ESCAPES))
def test_each_wall_holds_and_is_needed(wall: str, who: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OUTSIDE, "1")
    there = "/etc/passwd"
    program = Program(code=ESCAPES[wall], tests=f"assert out({there!r})")
    assert not Sandbox(limits=SMALL, **who).judge(program).passed
    assert Sandbox(limits=SMALL, walls=Walls(**{wall: False}), **who).judge(program).passed


def test_limits_are_what_ends_a_program() -> None:
    busy = "def double(n):\n import time\n while time.process_time() < 1.2: pass\n return 2 * n"
    assert Sandbox(limits=SMALL)._once(double(busy), SMALL).ending == "too_slow"
    assert Sandbox(limits=SMALL).judge(double(busy)).passed, "the second run has twice as much"
    large = "def double(n): return len(bytearray(300 * 2**20)) and 2 * n"
    assert Sandbox(limits=SMALL).judge(double(large)).ending == "too_large"
    assert Sandbox().judge(double(large)).passed


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are known by a variable of their environment, which this sandbox lets in."""
    monkeypatch.setenv("CORRIE_TEST_OF_AN_END", "1")
    code = "import time\ndef double(n): time.sleep(60)"
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(Sandbox(walls=Walls(environment=False))._once, double(code), Limits(cpu=1, wall=2.0))
        seen = False
        while not ended.done():
            seen = seen or _inside("CORRIE_TEST_OF_AN_END")
            time.sleep(0.05)
    assert seen
    until = time.monotonic() + 10  # the kernel takes a name space down when its first process has ended, not before
    while _inside("CORRIE_TEST_OF_AN_END") and time.monotonic() < until:
        time.sleep(0.05)
    assert not _inside("CORRIE_TEST_OF_AN_END")


def _inside(variable: str) -> bool:
    """Whether a room is there whose environment holds this."""
    return any(
        variable.encode() in _content(process / "environ") and b"corrie.sandbox" in _content(process / "cmdline")
        for process in Path("/proc").glob("[0-9]*")
    )


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_a_self_test_finds_a_missing_wall() -> None:
    with pytest.raises(InputError, match="reaches the network"):
        Sandbox(limits=SMALL, walls=Walls(network=False)).check()
    with pytest.raises(InputError, match="would not fit"):
        Sandbox(limits=Limits(memory=1)).check()


def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from corrie.sandbox import bubblewrap

    monkeypatch.setattr(bubblewrap, "_found", lambda: None)
    with pytest.raises(InputError, match=r"apt-get install bubblewrap.*--run-code-unsandboxed"):
        Sandbox().check()


def test_without_walls_nothing_is_tried_and_tests_are_still_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from corrie.sandbox import bubblewrap

    monkeypatch.setattr(bubblewrap, "_found", lambda: None)
    monkeypatch.setattr(Sandbox, "_once", lambda *_: pytest.fail("a probe that would write over the machine"))
    sandbox = Sandbox(limits=SMALL, walls=None)
    sandbox.check()
    monkeypatch.undo()
    assert sandbox.judge(double("def double(n): return 2 * n")).passed
    assert not sandbox.judge(double(ATTEMPTS["patches what a test uses"])).passed
    assert sandbox._once(double(ATTEMPTS["loops"]), SMALL).ending == "too_slow"


def test_without_walls_it_starts_in_a_folder_of_its_own_and_without_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(OUTSIDE, "1")
    monkeypatch.chdir(tmp_path)
    code = (
        f"import os\ndef out():\n open('left', 'w').close()\n"
        f" return '{OUTSIDE}' in os.environ, os.environ['HOME'] == os.getcwd(), os.getcwd()"
    )
    tests = f"seen, home, here = out()\nassert (seen, home) == (False, True) and here != {str(tmp_path)!r}, here"
    verdict = Sandbox(limits=SMALL, walls=None).judge(Program(code=code, tests=tests))
    assert verdict.passed, verdict
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("walls", [Walls(), None])
def test_the_order_of_a_set_is_no_matter_of_luck(walls: Walls | None) -> None:
    """A program whose answer hangs on how texts are hashed gets the same verdict every time."""
    words = [f"word {number}" for number in range(40)]
    order = Program(code=f"def double(n): return list(set({words!r}))", tests="assert double(4) == 0, double(4)")
    found = {Sandbox(limits=SMALL, walls=walls)._once(order, SMALL).words for _ in range(2)}
    assert len(found) == 1
    assert "word" in found.pop()


def test_objects_of_the_program_are_used_by_number() -> None:
    code = (
        "class Node:\n def __init__(self, value): self.value, self.left = value, None\n"
        "def depth(node): return 0 if node is None else 1 + depth(node.left)\n"
        "def evens(n): return (i * 2 for i in range(n))"
    )
    tests = "assert depth(root) == 2\nassert root.left.value == 2\nassert list(evens(3)) == [0, 2, 4]"
    assert Sandbox().judge(Program(code=code, setup="root = Node(1)\nroot.left = Node(2)", tests=tests)).passed


def test_several_at_once_give_what_one_by_one_gives() -> None:
    programs = [double(f"def double(n): return {k} * n") for k in range(4)]
    assert [v.passed for v in Sandbox().judge_all(programs, workers=2)] == [False, False, True, False]
