"""Each capability's own worst-case direction beside a fine-tune: searched for once, kept in the run folder.

A fine-tune that undoes safety with a small step moves nearly along the worst case of *that* task's loss, not of another
one's. So every task that has a loss is climbed by itself, on its own first examples, at a small distance: there the
worst direction is the steep side of the basin, not what lies behind its edge. The search's distance is a twentieth of
the basin's L2 radius where that is known, otherwise of the fine-tune's own distance.

A file is named by what was asked (:class:`corrie.records.search_spec.SearchSpec`), so the same question finds it again;
where the distance is the basin's, another fine-tune of the same base finds it, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corrie.analysis.basin import Basin
from corrie.capabilities.loss_gradient import HasRight
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.directions import saved
from corrie.models.model import Model
from corrie.records.canonical import content_hash
from corrie.records.paths import Saved
from corrie.scanning.search import FoundDirection, OnLook, Search

FOLDER = "worst"
"""Where in a run folder they are kept."""

SHARE = 20
"""The search's distance is the basin's radius, or the fine-tune's distance, over this."""

_EXAMPLES = 20
"""First examples of a task whose loss is climbed, at most: each step of a climb costs three passes over them."""

_STEPS = 10
"""Of the climb, half of what ``corrie worst`` takes: every task of every diff pays for them."""


@dataclass(frozen=True)
class WorstSearch:
    """Where worst-case directions are kept that are searched for.

    folder   is made
    """

    folder: Path

    @classmethod
    def within(cls, run: str | Path | None, model: Model) -> WorstSearch:
        """In a run folder.

        Raises:
            InputError: no run folder, or a model whose gradients would be rounded.
        """
        if run is None:
            raise InputError(
                "a search for worst-case directions", found="no run folder to keep them in", advice="to='runs/mine'"
            )
        if model.identity.dtype != "float32":
            raise InputError(
                "a search for worst-case directions",
                found=f"the model runs in {model.identity.dtype}, and its gradients would be rounded to that",
                advice="--dtype float32",
            )
        return cls(Path(run) / FOLDER)

    @staticmethod
    def reason_against(task: Task) -> str:
        """Why a task cannot be searched; empty if it can."""
        if isinstance(task, HasRight):
            return ""
        return "no worst-case direction was searched for: the task has no loss to climb (what is written is judged)"

    @staticmethod
    def distance(basin: Basin | None, moved: float) -> float:
        """How far away the loss shall be highest, to three digits.

        Args:
            basin: of the base, if there is one.
            moved: the fine-tune's distance.

        >>> WorstSearch.distance(None, 1.0)
        0.05
        """
        known = basin.l2 if basin is not None and basin.status == "found" else None
        return float(f"{(known or moved) / SHARE:.3g}")

    def find(
        self, model: Model, task: Task, limit: int, distance: float, on_look: OnLook | None = None
    ) -> tuple[Saved, FoundDirection]:
        """Search, or read what the same search has found before; the record's content is then in ``model.sources``.

        Raises:
            InputError: the loss is not a number at that distance.
            TaskError: the task cannot be asked of this model.
            StorageError: the disk refuses.
        """
        search = Search.of(model, task, min(limit, _EXAMPLES), distance=distance, steps=_STEPS)
        name = "".join(c if c.isalnum() else "-" for c in task.identity.name)
        asked = content_hash(search.spec.of_any_function.model_dump(mode="json"))
        found = search.run(self.folder / f"{name}-{asked[:12]}.safetensors", on_look)
        return saved(model, found.file), found
