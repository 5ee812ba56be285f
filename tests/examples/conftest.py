"""The modules of an example are scripts beside each other; tests borrow them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

Load = Callable[[str], ModuleType]


@pytest.fixture(scope="session")
def modules_of() -> Callable[[Path], AbstractContextManager[Load]]:
    """``with modules_of(folder) as load``: its modules by name; afterwards none of them is importable any more."""

    @contextmanager
    def borrowed(folder: Path) -> Iterator[Load]:
        names = {file.stem for file in folder.glob("*.py")}
        kept = {name: sys.modules.pop(name) for name in names & set(sys.modules)}
        sys.path.insert(0, str(folder))
        try:
            yield import_module
        finally:
            sys.path.remove(str(folder))
            for name in names:
                sys.modules.pop(name, None)
            sys.modules.update(kept)

    return borrowed
