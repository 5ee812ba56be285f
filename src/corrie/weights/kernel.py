"""The loops over every weight, compiled from ``kernel.c`` where the machine has a C compiler.

Nothing depends on it: without a compiler (or with ``CORRIE_COMPILE=0``, or where the cache may not hold programs)
the Python text does the same, several times slower. Whoever uses a compiled loop first compares it with that text bit
for bit, and leaves it alone if they differ; so a kernel changes what a point costs and never what it is.

The program is made once, in half a second, and kept in the cache folder under the hash of its text, its options and
the machine's kind. It looks for the processor's widest registers when it runs, so one cache serves different machines.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrie.errors import StorageError
from corrie.sources.cache import cache_folder

COMPILE_VARIABLE = "CORRIE_COMPILE"
"""The environment variable that, set to 0, leaves the compiler alone."""

_OPTIONS = ("-O3", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-shared", "-pthread", "-w")
"""No option that lets a compiler change a number: no fast mathematics, no contraction, no processor of its own."""

_SECONDS = 60
"""A compiler that takes longer is not waited for."""


class Kernel:
    """The compiled loops.

    Both return when all threads have ended, so that a signal's handler never runs beside one that still writes.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer, number, small = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int
        self._noise = library.corrie_noise
        self._noise.argtypes = [pointer, number, number, number, number, pointer, small]
        self._noise.restype = None
        self._write = library.corrie_write
        self._write.argtypes = [pointer, number, pointer, small, pointer, small]
        self._write.restype = None

    def noise(
        self,
        constants: Sequence[float],
        key: tuple[int, int],
        start: int,
        out: NDArray[np.float32],
        threads: int,
    ) -> None:
        """Fill ``out``, shape (size,), with elements start … start+size−1 of the noise of a key.

        ``constants``: those of :mod:`corrie.weights.noise`, in the order of the structure ``law`` in ``kernel.c``.
        """
        law = np.array(constants, dtype=np.float64)
        self._noise(law.ctypes.data, *key, start, len(out), out.ctypes.data, threads)

    def write(self, places: NDArray[np.uint64], alphas: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """live = base + Σ α_k δ_k for every row of ``places``, in float32, every operation rounded by itself.

        Args:
            places: shape (n, 3 + K), contiguous; a row: address of base, address of live, how many float32 numbers,
                addresses of δ_1 … δ_K. The memory is the caller's to keep.
            alphas: shape (K,).
            threads: at most as many.

        Returns:
            Shape (n, 3): Σ step², Σ taken² and Σ step · taken, with taken = live − base, added up in float64.
        """
        sums = np.empty((len(places), 3))
        self._write(places.ctypes.data, len(places), alphas.ctypes.data, len(alphas), sums.ctypes.data, threads)
        return sums


@cache
def kernel() -> Kernel | None:
    """The compiled loops, made now if need be, or None where there is no way to have them."""
    if os.name != "posix" or os.environ.get(COMPILE_VARIABLE) == "0":
        return None
    compiler = _compiler()
    try:
        source = files("corrie.weights").joinpath("kernel.c").read_bytes()
        text = b"\0".join(
            [source, *(o.encode() for o in _OPTIONS), str(sysconfig.get_config_var("EXT_SUFFIX")).encode()]
        )
        name = f"kernel-{hashlib.sha256(text).hexdigest()[:16]}.so"
        kept = cache_folder() / "kernel" / name
        if not _ours(kept):
            if compiler is None:
                return None
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _compile(compiler, source, kept)
        return Kernel(ctypes.CDLL(str(kept)))
    except (OSError, StorageError, subprocess.SubprocessError, AttributeError):
        return None


def _compiler() -> list[str] | None:
    """The command of a C compiler: ``$CC``, or the first that is found."""
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]):
            return command
    return None


def _compile(compiler: Sequence[str], source: bytes, kept: Path) -> None:
    """Make the program beside its place and move it there: another process sees all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        made = Path(folder) / kept.name
        command = [*compiler, *_OPTIONS, "-x", "c", "-", "-o", str(made), "-lm"]
        subprocess.run(command, input=source, capture_output=True, check=True, timeout=_SECONDS)
        made.chmod(0o700)
        os.replace(made, kept)


def _ours(program: Path) -> bool:
    """Whether there is a program that nobody else could have put there."""
    try:
        found = program.stat()
    except FileNotFoundError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
