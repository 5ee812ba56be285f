"""Names of a package that are resolved at their first use, so that a command loads what it needs and no more.

Below all floors: it imports nothing of corrie.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its name.
        homes: public name → the module in it where that lives; empty where the name is a module itself.

    >>> get, names = lazily("corrie.stats", {"above_chance": "chance", "kl": ""})
    >>> get("above_chance").__module__, get("kl").__name__, "kl" in names()
    ('corrie.stats.chance', 'corrie.stats.kl', True)
    >>> get("klx")
    Traceback (most recent call last):
    AttributeError: module 'corrie.stats' has no attribute 'klx'
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = import_module(f"{package}.{homes[name] or name}")
        if homes[name]:
            value = getattr(value, name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *homes})
