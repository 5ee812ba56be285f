"""Whether a model has what it is to keep."""

from __future__ import annotations

from corrie.analysis.kept_score import KeptScore
from corrie.errors import InputError
from corrie.records.point import Point
from corrie.records.store import Store
from corrie.scanning.scan import Scan
from corrie.scanning.work import Known


def refuse_what_is_absent(scan: Scan, store: Store, asked: str, whose: str) -> None:
    """Look at the unmoved model's scores, which lie in the store: a capability that it lacks cannot be kept.

    Args:
        scan: the tasks, and how many examples of each.
        store: where the outcomes of the origin lie.
        asked: what is asked of a task, such as ``keeping {}``, for the error.
        whose: the unmoved model, as the error calls it.

    Raises:
        InputError: a score that cannot be told from chance.
    """
    known = Known(store.cells())
    for request in scan.spec.tasks:
        task = scan.tasks[request.task].identity
        kept = KeptScore(task, known.successes(scan.spec, Point.origin(), request) or (), tolerance=0.0)
        if not kept.present:
            raise InputError(
                asked.format(task.name),
                found=f"{whose}'s score of {kept.score:.3g} on {kept.examples} examples cannot be told from chance "
                f"({task.chance:.3g}): there is nothing to keep",
                advice="more examples, or a task this model can do",
            )
