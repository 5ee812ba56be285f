"""A run folder: one place that knows everything that can lie in it.

``run.db``                     outcomes, specs and claims: the store (:mod:`corrie.records.sqlite_store`)
``certificate-….json``         a certificate, its outcomes in ``outcomes-….json`` beside it
``generalisation-….json``      a statement about new examples
``inputs-….json``              a certificate about changed inputs
``draws-….jsonl``              its draws, as earlier versions kept them; taken over into ``run.db``
``diffs/….json``               what a fine-tune did, the latest of each
``retractions/….json``         how far a fine-tune was pulled back, the latest of each
``worst/….safetensors``        worst-case directions that were searched for
``statements/KIND-….json``     statements of kinds that others have added
``shard-I-of-N/``              run folders of shards, until ``corrie merge`` makes one run of them

A folder holds any of these together. Nothing in it is read here: files are listed by their kind, and whoever knows the
kind reads them (:meth:`RunFolder.read`: plain files only).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from corrie.errors import RunError
from corrie.records.plain_file import read_plain
from corrie.records.run_database import DATABASE
from corrie.records.shard import FOLDERS
from corrie.records.sqlite_store import SqliteStore

PLACES: Mapping[str, str] = MappingProxyType(
    {
        "certificate": "certificate-*.json",
        "generalisation": "generalisation-*.json",
        "inputs": "inputs-*.json",
        "diff": "diffs/*.json",
        "retraction": "retractions/*.json",
        "search": "worst/*.safetensors",
    }
)
"""Kind → where its files lie in a run folder."""

OTHERS = "statements"
"""Where files of all other kinds lie."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder with a run in it.

    path   the folder

    >>> import tempfile
    >>> from corrie.testing.cliff_run import cliff_run, identity
    >>> place = Path(tempfile.mkdtemp()) / "run"
    >>> with SqliteStore.create_or_open(place, identity()) as store:
    ...     _ = cliff_run(store, directions=1, examples=10)
    >>> run = RunFolder.open(place)
    >>> run.has_store, run.files("certificate")
    (True, ())
    """

    path: Path

    @classmethod
    def open(cls, place: str | Path) -> RunFolder:
        """Look at a folder.

        Raises:
            RunError: there is no such folder, or nothing of a run in it.
        """
        run = cls(Path(place))
        if not run.has_store and not run.kinds:
            what = "no such folder" if not run.path.is_dir() else "nothing of a run in it"
            advice = "a folder that corrie scan --to made"
            if run.shards:
                what, advice = f"shards alone ({len(run.shards)})", f"corrie merge {place}"
            raise RunError(f"run folder {place}", found=what, advice=advice)
        return run

    @property
    def name(self) -> str:
        """What to call it: the folder's own name."""
        return self.path.resolve().name

    @property
    def has_store(self) -> bool:
        """Whether outcomes lie in it."""
        return (self.path / DATABASE).is_file()

    @property
    def shards(self) -> tuple[Path, ...]:
        """The run folders of shards in it, in the order of their names."""
        return tuple(sorted(folder for folder in self.path.glob(FOLDERS) if (folder / DATABASE).is_file()))

    def store(self) -> SqliteStore:
        """Its outcomes, for reading; a context manager.

        Raises:
            RunError: there are none, or they cannot be read.
        """
        return SqliteStore.open(self.path)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of statements and files that lie in it, sorted; ``fraction`` lies in the store."""
        found = {file.name.partition("-")[0] for file in (self.path / OTHERS).glob("*-*.json")}
        found |= {kind for kind in PLACES if self.files(kind)}
        if self.has_store:
            with self.store() as store:
                found |= {claim.kind for claim, _ in store.claims() if claim.kind == "fraction"}
        return tuple(sorted(found))

    def files(self, kind: str) -> tuple[Path, ...]:
        """The files of one kind, in the order of their names."""
        return tuple(sorted(self.path.glob(PLACES.get(kind, f"{OTHERS}/{kind}-*.json"))))

    def read(self, file: Path) -> bytes:
        """What a file in it holds.

        Raises:
            RunError: it is no plain file, or cannot be read.
        """
        return read_plain(file, f"{file.relative_to(self.path)} in run folder {self.path}")

    def place(self, kind: str, key: str) -> Path:
        """Where a file of a kind belongs.

        Args:
            kind: what it is.
            key: what tells it from others of its kind, such as a hash.
        """
        return self.path / PLACES.get(kind, f"{OTHERS}/{kind}-*.json").replace("*", key)
