"""A process of its own that compares mathematical answers: nothing of corrie is loaded here.

It reads a line ``[right, written]`` (JSON) and says ``1`` or ``0``, once for each line, until its input ends. What a
model writes may ask for a power tower or an integral without end, and no signal handler of Python interrupts one big
multiplication; so every line has so many seconds of the processor's time (not of the clock: a busy machine changes no
verdict) and the process so much memory, and the system itself ends it where that is spent.

Usage: ``python math_child.py SECONDS BYTES``
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from importlib import import_module
from typing import Any

resource: Any = None
with contextlib.suppress(ImportError):  # elsewhere than on Unix
    resource = import_module("resource")


def main(seconds: int, most: int) -> None:
    """See the module."""
    said = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no verdict
    logging.disable(logging.CRITICAL)
    from math_verify import parse, verify
    from sympy.core.random import seed

    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", file=said, flush=True)
    for line in sys.stdin:
        right, written = json.loads(line)
        if resource is not None:
            spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + seconds + 1, resource.RLIM_INFINITY))
        seed(0)
        try:
            same = verify(parse(right, parsing_timeout=0), parse(written, parsing_timeout=0), timeout_seconds=0)
        except (Exception, RecursionError, MemoryError):
            same = False
        print(int(bool(same)), file=said, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
