"""The only files inside a room: those of the Python interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from corrie.errors import InputError

_LOOK = """
import json, os, sys, sysconfig
folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
dynamic = sysconfig.get_config_var("DESTSHARED") or os.path.join(folders[0], "lib-dynload")
print(json.dumps([sorted({os.path.realpath(f) for f in folders}), dynamic, list(sys.version_info[:3])]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter and what it needs to start.

    program    the executable
    library    folders of the standard library, without installed packages
    objects    (where the loader looks for it, the file) of each shared library
    version    of Python
    """

    program: str
    library: tuple[str, ...]
    objects: tuple[tuple[str, str], ...]
    version: str

    @property
    def installed(self) -> tuple[str, ...]:
        """Folders of installed packages inside of the library: they stay outside of the room."""
        names = ("site-packages", "dist-packages")
        return tuple(str(p) for folder in self.library for name in names if (p := Path(folder) / name).is_dir())

    @property
    def search_path(self) -> str:
        """Where the loader has to look for shared libraries."""
        return ":".join(sorted({os.path.dirname(place) for place, _ in self.objects}))


@cache
def interpreter(program: str | None = None) -> Interpreter:
    """This interpreter, or another one; looked up once.

    Raises:
        InputError: it does not start, or its shared libraries cannot be listed.

    >>> interpreter().version.startswith("3.")
    True
    """
    wanted = os.path.realpath(program or getattr(sys, "_base_executable", sys.executable))
    try:
        told = subprocess.run([wanted, "-I", "-S", "-c", _LOOK], capture_output=True, check=True, text=True, timeout=60)
        folders, dynamic, version = json.loads(told.stdout)
        extensions = sorted(str(p) for p in Path(dynamic).glob("*.so"))
        listed = subprocess.run(
            ["ldd", wanted, *extensions], capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C"}
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        raise InputError(
            f"a sandbox with the interpreter {wanted}",
            found=f"what it needs to start cannot be listed: {problem}",
            advice="an interpreter of Linux with glibc, and ldd",
        ) from problem
    return Interpreter(wanted, tuple(folders), tuple(sorted(_objects(listed).items())), ".".join(map(str, version)))


def _objects(listed: str) -> dict[str, str]:
    """Where the loader finds each library → the file, from what ``ldd`` prints."""
    found = {}
    for line in listed.splitlines():
        words = line.split()
        places = [word for word in words if word.startswith("/") and not word.endswith(":")]
        if line.startswith(("\t", " ")) and places:
            found[places[-1]] = os.path.realpath(places[-1])
    return found
