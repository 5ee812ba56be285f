"""The noise draws on inputs as corrie kept them before they lay in the store: line by line in a file, only read now.

One line for each draw: its label, the outcome of every example, and a hash of both. A line that a kill left half
written ends the log: what follows was not drawn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.errors import RunError
from corrie.records.canonical import canonical_json, content_hash
from corrie.records.plain_file import read_plain

PREFIX = "draws-"
_END = ".jsonl"


@dataclass(frozen=True, slots=True)
class DrawLog:
    """The draws of one spec.

    ids        of the examples
    outcomes   of every example, by the draw's label, in the order of making
    function   the model's function (:class:`corrie.records.model.ModelIdentity`); empty where it was not kept yet
    """

    ids: tuple[str, ...]
    outcomes: dict[str, tuple[float, ...]]
    function: str

    @classmethod
    def read(cls, folder: Path, spec: str) -> DrawLog:
        """The draws of a spec that a folder's file holds; none where there is no file.

        Raises:
            RunError: the file is no plain file.

        >>> DrawLog.read(Path("nowhere"), "3f2a").outcomes
        {}
        """
        file = folder / f"{PREFIX}{spec}{_END}"
        ids: tuple[str, ...] = ()
        outcomes: dict[str, tuple[float, ...]] = {}
        function = ""
        for raw in read_plain(file, f"draws {file}").splitlines(keepends=True) if file.exists() else ():
            found = _parse(raw)
            if found is None:
                break
            outcomes[found["draw"]] = tuple(found["outcomes"])
            ids = tuple(found["ids"])
            function = found.get("function", function)
        return cls(ids, outcomes, function)

    def refuse_other_function(self, run: Path, function: str) -> None:
        """Draws of the same weights under other settings are of another model: the id of a spec names weights alone.

        Raises:
            RunError: these draws are of another function.
        """
        if function and self.function and self.function != function:
            raise RunError(
                f"run {run}",
                found="its draws are of the same weights under other settings: the model's function is "
                f"{self.function[:16]} there and {function[:16]} here",
                advice="another folder, or the model's config.json as it was",
            )


def specs_logged(folder: Path) -> set[str]:
    """Ids of the specs that have a log in this folder."""
    return {file.name.removeprefix(PREFIX).removesuffix(_END) for file in folder.glob(f"{PREFIX}*{_END}")}


def _line(found: dict[str, Any]) -> str:
    content = {name: found[name] for name in ("draw", "ids", "outcomes")}
    content |= {"function": found["function"]} if found.get("function") else {}
    return canonical_json({**content, "hash": content_hash(content)[:16]})


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
        whole = raw.endswith(b"\n") and raw[:-1].decode() == _line(found)
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
