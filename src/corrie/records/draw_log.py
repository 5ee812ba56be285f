"""The outcomes of noise draws, line by line in a file: what was drawn is never drawn again.

One line for each draw: its label, the outcome of every example, and a hash of both. A line that a kill left half
written ends the log: what follows is drawn again, and comes out the same, for the noise is a function of the label.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from corrie.errors import RunError, StorageError
from corrie.records.canonical import canonical_json, content_hash
from corrie.records.plain_file import open_plain, read_plain, refuse_link

PREFIX = "draws-"


class DrawLog:
    """The draws of one spec in one folder; without a folder they are kept in memory.

    >>> log = DrawLog(None, "3f2a")
    >>> log.add("draw 0", ["a", "b"], [1.0, 0.0])
    >>> log.get("draw 0"), log.get("draw 1"), log.ids
    ((1.0, 0.0), None, ('a', 'b'))
    """

    def __init__(self, folder: Path | None, spec: str, function: str = "") -> None:
        """Open the draws of a spec.

        Args:
            folder: the run folder.
            spec: the spec's id.
            function: the model's function (:class:`corrie.records.model.ModelIdentity`), kept with every draw: the id
                of a spec names weights, not the settings under which they compute. A log without it goes on with any,
                and belongs to that one from then on.

        Raises:
            RunError: these draws are of another function.
            StorageError: the log's file is a link.
        """
        self.name = f"{PREFIX}{spec}.jsonl"
        self._file = None if folder is None else folder / self.name
        self._known: dict[str, tuple[float, ...]] = {}
        self._function = ""
        self._began = False
        self.ids: tuple[str, ...] = ()
        if self._file is not None and self._file.exists():
            refuse_link(self._file, f"run folder {folder}")
            self._began = True
            good = self._read(self._file)
            if good < self._file.stat().st_size:
                os.truncate(self._file, good)
        if function and self._function and self._function != function:
            raise RunError(
                f"run {folder}",
                found="its draws are of the same weights under other settings: the model's function is "
                f"{self._function[:16]} there and {function[:16]} here",
                advice="another folder, or the model's config.json as it was",
            )
        self._function = function or self._function

    @classmethod
    def read(cls, folder: Path, spec: str) -> DrawLog:
        """The draws that a folder holds, without touching its file: a line that was left half written stays there."""
        log = cls(None, spec)
        log._read(folder / log.name)
        return log

    def get(self, label: str) -> tuple[float, ...] | None:
        """The outcomes of a draw, if it was made."""
        return self._known.get(label)

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the draws that were made, in the order of making."""
        return tuple(self._known)

    def add(self, label: str, ids: list[str], outcomes: list[float]) -> None:
        """Keep a draw.

        Raises:
            StorageError: the disk refuses, or the file is gone or a link.
        """
        self.ids = tuple(ids)
        self._known[label] = tuple(outcomes)
        if self._file is None:
            return
        try:
            if self._began and not self._file.exists():
                raise FileNotFoundError(2, "its file is gone: the run folder was removed or moved")
            opened = open_plain(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, f"writing {self._file}")
            with open(opened, "a", encoding="utf-8") as stream:
                self._began = True
                stream.write(_line(label, ids, outcomes, self._function) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise StorageError(f"writing {self._file}", found=error.strerror or str(error), advice="room") from None

    def _read(self, file: Path) -> int:
        """Take in every whole line; how many bytes they have."""
        good = 0
        for raw in read_plain(file, f"draws {file}").splitlines(keepends=True):
            found = _parse(raw)
            if found is None:
                break
            self._known[found["draw"]] = tuple(found["outcomes"])
            self.ids = tuple(found["ids"])
            self._function = found.get("function", self._function)
            good += len(raw)
        return good


def labels(selection: int, draws: int) -> list[str]:
    """The labels of all draws of a spec, in order.

    >>> labels(1, 2)
    ['clean', 'selection 0', 'draw 0', 'draw 1']
    """
    return ["clean", *(f"selection {i}" for i in range(selection)), *(f"draw {i}" for i in range(draws))]


def logs_in(folder: Path) -> int:
    """How many specs have drawn in this folder."""
    return len(list(folder.glob(f"{PREFIX}*.jsonl")))


def _line(label: str, ids: list[str], outcomes: list[float], function: str = "") -> str:
    content = {"draw": label, "ids": ids, "outcomes": outcomes} | ({"function": function} if function else {})
    return canonical_json({**content, "hash": content_hash(content)[:16]})


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
        whole = raw.endswith(b"\n") and raw[:-1].decode() == _line(
            found["draw"], found["ids"], found["outcomes"], found.get("function", "")
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if whole and _is_draw(found) else None


def _is_draw(found: dict[str, Any]) -> bool:
    """Whether a line says what a line of ours says: ids and as many outcomes, each a score in [0, 1]."""
    ids, outcomes = found["ids"], found["outcomes"]
    lists = isinstance(found["draw"], str) and isinstance(ids, list) and isinstance(outcomes, list)
    return (
        lists
        and isinstance(found.get("function", ""), str)
        and len(ids) == len(outcomes)
        and all(isinstance(id, str) for id in ids)
        and all(type(o) in (int, float) and 0 <= o <= 1 for o in outcomes)
    )
