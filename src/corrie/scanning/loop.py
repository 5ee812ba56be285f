"""The one loop: plan → missing cells → executor → store."""

from __future__ import annotations

import time
from typing import Literal

from corrie.records.cell import Cell
from corrie.records.scan_spec import ScanSpec
from corrie.records.store import Store
from corrie.scanning.executor import Arrived, Executor
from corrie.scanning.watch import Foreseeing, Nobody, Watch
from corrie.scanning.work import Known, Plan

Ending = Literal["complete", "budget"]


def fill(
    spec: ScanSpec,
    plan: Plan,
    executor: Executor,
    store: Store,
    *,
    budget: float | None = None,
    watch: Watch | None = None,
) -> Ending:
    """Score what the plan asks for and the store lacks, until nothing is missing or the budget is spent.

    Args:
        spec: what is asked.
        plan: which cells come next.
        executor: who scores them.
        store: where they are acknowledged; what it holds already is not done again.
        budget: seconds after which no further cell is begun (None: no limit).
        watch: who is notified.

    Returns:
        ``complete``, or ``budget`` when time ran out first.
    """
    watch = watch or Nobody()
    started = time.monotonic()
    known = Known(store.cells())

    def spent() -> bool:
        return budget is not None and time.monotonic() - started >= budget

    agenda = plan(spec, known)
    if not agenda.work:
        return "complete"
    with executor:
        while agenda.work:
            if agenda.ahead and isinstance(watch, Foreseeing):
                watch.foresees(agenda.ahead)
            watch.begins(len(known), agenda.expected)
            for event in executor.run(agenda.work):
                if isinstance(event, Arrived):
                    store.record_point(event.point, event.realised)
                    watch.arrives(event.point, event.realised)
                elif isinstance(event, Cell):
                    store.put(event)
                    known.add(event)
                    watch.acknowledges(event)
                if spent():
                    return "budget" if plan(spec, known).work else "complete"
            agenda = plan(spec, known)
    return "complete"
