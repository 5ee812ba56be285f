"""What is said of a run, kept, so that the same question about the same bytes is answered at once.

A reading takes a fit of curves and the libraries for it; saying it again takes neither. It is kept where a run ends
(every verb with a run folder, ``corrie merge``), and where ``corrie show`` had to read. It is never stale: its name is
a hash of everything that it follows from: every byte of the run folder's files, corrie's own code, what is installed
beside it, and the question. It lies in the cache folder (``shown/``), so a run folder is only read. The terminal is no
part of it: what is kept is data, and drawn for whoever asks.

Not kept: what is said by kinds of statements that other packages bring, since their code may change unseen; a reading
with a warning; one of a folder that was written to meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from corrie.errors import CorrieError, StorageError
from corrie.reporting.shown import Shown
from corrie.sources.cache import cache_folder

MOST_READINGS = 64
"""How many are kept; the oldest go."""


def reading_of(run: Path, retention: float | None = None, confidence: float = 0.95) -> Shown:
    """What there is to say of a run: kept, or read and kept now.

    Args:
        run: its folder.
        retention, confidence: as :meth:`corrie.reporting.shown.Shown.read` takes them.

    Raises:
        RunError, ClaimError, InputError: as there.
    """
    kept = KeptReading(run, {"retention": retention, "confidence": confidence})
    shown = kept.read()
    if shown is None:
        with warnings.catch_warnings(record=True) as said:
            shown = Shown.read(run, retention, confidence)
        for one in said:
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)
        if not said:
            kept.keep(shown)
    return shown


def keep_reading(run: str | Path) -> None:
    """Read a run that has just ended, so that the first ``corrie show`` finds it read. What cannot be read, or only
    with a warning, is said when it is shown."""
    if kinds_of_others():
        return
    with warnings.catch_warnings(record=True), contextlib.suppress(CorrieError, OSError):
        reading_of(Path(run))


class KeptReading:
    """Where one reading lies, if it does.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> _ = (run / "run.db").write_bytes(b"one")
    >>> before = KeptReading(run, {"confidence": 0.9}).name
    >>> KeptReading(run, {"confidence": 0.9}).name == before, KeptReading(run, {"confidence": 0.95}).name == before
    (True, False)
    >>> _ = (run / "run.db").write_bytes(b"two")
    >>> KeptReading(run, {"confidence": 0.9}).name == before
    False
    """

    def __init__(self, run: Path, asked: dict[str, Any]) -> None:
        self._run, self._asked = run, asked
        self.name = self._hash()

    def read(self) -> Shown | None:
        """What was said; None where nothing is kept, or kinds of others could say more."""
        if kinds_of_others():
            return None
        try:
            return Shown.of_json(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StorageError):
            return None

    def keep(self, shown: Shown) -> None:
        """Keep what is said now, unless it may change with what is not hashed. A cache that cannot be written to is no
        error."""
        if kinds_of_others() or self._hash() != self.name:
            return
        with contextlib.suppress(OSError, StorageError):
            file = self._file
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f".{file.name}.{os.getpid()}")
            new.write_text(json.dumps(shown.to_json()), encoding="utf-8")
            os.replace(new, file)
            for old in sorted(file.parent.glob("[!.]*"), key=lambda f: f.stat().st_mtime_ns)[:-MOST_READINGS]:
                old.unlink()

    @property
    def _file(self) -> Path:
        return cache_folder() / "shown" / f"{self.name}.json"

    def _hash(self) -> str:
        told: dict[str, Any] = {
            "asked": self._asked,
            "run": [str(self._run.resolve()), _contents(self._run)],
            "code": _places(Path(__file__).parents[1]),
            "installed": [sys.version, *([place, _time(Path(place))] for place in sys.path if _is_installed(place))],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _is_installed(place: str) -> bool:
    """Whether packages are installed there: what else is on the path differs between a script and a command."""
    return Path(place).name in ("site-packages", "dist-packages")


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


def kinds_of_others() -> bool:
    """Whether statements are known here that are not corrie's own."""
    loaded = sys.modules.get("corrie.analysis.statement")
    return loaded is not None and loaded.others_are_known()
