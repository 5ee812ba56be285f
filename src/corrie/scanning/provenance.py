"""With what a scan was made: versions, machine, time, command."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version


def provenance(**more: str) -> dict[str, str]:
    """What a reader of a result needs to repeat it; nothing that names a person or a machine.

    >>> sorted(provenance(engine="serial"))[:3]
    ['command', 'corrie', 'date']
    """
    packages = {name: version(name) for name in ("corrie", "torch", "transformers", "tokenizers", "numpy")}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "command": _command(),
        **packages,
        **more,
    }


def _command() -> str:
    """The command line, with the program's name alone; empty outside of the command line."""
    name = sys.argv[0].replace("\\", "/").rsplit("/", 1)[-1]
    return shlex.join([name, *sys.argv[1:]]) if name.startswith("corrie") else ""
