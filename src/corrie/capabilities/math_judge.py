"""Do two answers to a mathematical question mean the same? Hugging Face's ``math-verify``, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from corrie.errors import InputError

MATH_LAW = "math-verify-1"
"""Version of how answers are compared here; the library's own version is in the digest beside it."""

_SECONDS = 20
"""Of the processor's time for one comparison; ordinary ones take hundredths."""

MEMORY = 4 * 2**30
"""Bytes of address space."""

_CHILD = Path(__file__).with_name("math_child.py")


class MathJudge:
    """Compares answers, one after the other. What takes too long or too much memory, or ends the process, is wrong.

    Args:
        seconds: of the processor's time for one comparison.
        memory: address space, bytes.

    >>> judge = MathJudge()
    >>> judge.same([(r"It is $\\boxed{\\frac{1}{2}}$.", "So $x = 0.5$."), ("$3$", "$4$")])
    [True, False]
    """

    def __init__(self, seconds: int = _SECONDS, memory: int = MEMORY) -> None:
        self._command = [sys.executable, "-P", str(_CHILD), str(seconds), str(memory)]
        self._child: subprocess.Popen[str] | None = None
        self._alone = threading.Lock()

    def check(self, asked: str) -> None:
        """Is there what compares?

        Raises:
            InputError: it is not installed.
        """
        if find_spec("math_verify") is None:
            raise InputError(asked, found="math-verify is not installed", advice="pip install 'corrie[paper]'")

    def same(self, pairs: Iterable[tuple[str, str]]) -> list[bool]:
        """For each (right answer, what was written): do they mean the same?

        Both are whole texts; the last boxed expression, or else formula or number, is compared.

        Raises:
            InputError: math-verify is not installed, or does not start.
        """
        with self._alone:
            return [self._one(right, written) for right, written in pairs]

    def _one(self, right: str, written: str) -> bool:
        child = self._ready()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps([right, written]) + "\n")
            child.stdin.flush()
            said = child.stdout.readline()
        except BrokenPipeError:
            said = ""
        if not said:  # the system ended it: the next answer has a new one
            self.close()
        return said == "1\n"

    def _ready(self) -> subprocess.Popen[str]:
        if self._child is None:
            self.check("comparing mathematical answers")
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
            assert self._child.stdout is not None
            if self._child.stdout.readline() != "ready\n":
                self.close()
                raise InputError(
                    "comparing mathematical answers",
                    found="math-verify does not start",
                    advice="python -c 'import math_verify'; pip install 'corrie[paper]'",
                )
        return self._child

    def close(self) -> None:
        """End the process, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def __del__(self) -> None:
        self.close()


@cache
def math_judge() -> MathJudge:
    """The one of this process: the library takes a second to load."""
    return MathJudge()
