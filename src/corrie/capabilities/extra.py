"""A package that only some tasks need, imported at their first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from corrie.errors import InputError


def extra_module(module: str, asked: str, package: str, extra: str = "paper") -> Any:
    """The module, or how to install what it is in.

    Args:
        module: what is imported.
        asked: what it is needed for, as a person says it.
        package: what is to be installed, by its name.
        extra: corrie's own extra that brings it.

    Raises:
        InputError: it is not installed.

    >>> extra_module("no_such_module", "task 'x'", "such-a-package")
    Traceback (most recent call last):
    corrie.errors.InputError: task 'x': such-a-package is not installed. Try: pip install 'corrie[paper]'
    """
    try:
        return import_module(module)
    except ImportError:
        raise InputError(asked, found=f"{package} is not installed", advice=f"pip install 'corrie[{extra}]'") from None
