"""What ``corrie show`` printed of a run, kept, so that the same question about the same bytes is answered at once.

A reading takes a fit of curves and the libraries for it; printing it again takes neither. It is never stale: its name
is a hash of everything that it follows from: every byte of the run folder's files, corrie's own code, what is installed
beside it, the question, and the terminal. It lies in the cache folder (``shown/``), so a run folder is only read.

Not kept: what is said by kinds of statements that other packages bring, since their code may change unseen; a reading
with a warning; one of a folder that was written to meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import corrie
from corrie.errors import StorageError
from corrie.sources.cache import cache_folder

MOST_READINGS = 64
"""How many are kept; the oldest go."""

_TERMINAL = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""What of the environment changes how a table is drawn."""


class KeptReading:
    """Where one reading lies, if it does.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> _ = (run / "run.db").write_bytes(b"one")
    >>> before = KeptReading(run, {"json": True}).name
    >>> KeptReading(run, {"json": True}).name == before, KeptReading(run, {"json": False}).name == before
    (True, False)
    >>> _ = (run / "run.db").write_bytes(b"two")
    >>> KeptReading(run, {"json": True}).name == before
    False
    """

    def __init__(self, run: Path, asked: dict[str, Any]) -> None:
        self._run, self._asked = run, asked
        self.name = self._hash()

    def read(self) -> str | None:
        """What was printed; None where nothing is kept, or kinds of others could say more."""
        if _kinds_of_others():
            return None
        try:
            return self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeError, StorageError):
            return None

    def keep(self, text: str) -> None:
        """Keep what is printed now, unless it may change with what is not hashed. A cache that cannot be written to is
        no error."""
        if _kinds_of_others() or self._hash() != self.name:
            return
        with contextlib.suppress(OSError, UnicodeError, StorageError):
            file = self._file
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f".{file.name}.{os.getpid()}")
            new.write_text(text, encoding="utf-8")
            os.replace(new, file)
            for old in sorted(file.parent.glob("*.txt"), key=lambda f: f.stat().st_mtime_ns)[:-MOST_READINGS]:
                old.unlink()

    @property
    def _file(self) -> Path:
        return cache_folder() / "shown" / f"{self.name}.txt"

    def _hash(self) -> str:
        out = sys.stdout
        size = list(os.get_terminal_size(out.fileno())) if out.isatty() else None
        told: dict[str, Any] = {
            "asked": self._asked,
            "run": [str(self._run.resolve()), _contents(self._run)],
            "code": _places(Path(corrie.__file__).parent),
            "installed": [_time(Path(place)) for place in sys.path],
            "terminal": [size, out.encoding, sys.platform, {name: os.environ.get(name) for name in _TERMINAL}],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _contents(run: Path) -> list[list[Any]]:
    """Every plain file of a folder and the hash of its bytes; links and other things by name and time."""
    found = []
    for place, folders, names in os.walk(run):
        folders.sort()
        for name in sorted(names):
            file = Path(place) / name
            if name.endswith("-shm"):
                continue  # how SQLite's readers share a log; nothing follows from it
            if file.is_symlink() or not file.is_file():
                found.append([str(file), _time(file)])
            elif file.stat().st_size:
                with file.open("rb") as opened:
                    found.append([str(file), hashlib.file_digest(opened, "sha256").hexdigest()])
    return found


def _places(folder: Path) -> list[list[Any]]:
    """Every source file with its size and time."""
    return [
        [os.path.join(place, entry.name), entry.stat().st_size, entry.stat().st_mtime_ns]
        for place, _, _ in os.walk(folder)
        for entry in sorted(os.scandir(place), key=lambda one: one.name)
        if entry.name.endswith((".py", ".json"))
    ]


def _time(place: Path) -> int:
    """When a folder or file was changed last; 0 where there is none."""
    try:
        return place.lstat().st_mtime_ns
    except OSError:
        return 0


def _kinds_of_others() -> bool:
    """Whether statements are known here that are not corrie's own."""
    loaded = sys.modules.get("corrie.analysis.statement")
    return loaded is not None and loaded.others_are_known()
