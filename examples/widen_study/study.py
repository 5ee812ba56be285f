"""How wide at what cost: widens SmolLM2 by one setting after another, each leaves one small JSON file when it is done.

    python examples/widen_study/study.py                      # every setting; what is there already is skipped
    python examples/widen_study/study.py factor-2 …           # some
    python examples/widen_study/study.py --results mine …     # measured anew, into a folder of one's own

A setting that is stopped goes on where it stood. Weights and runs stay in ``--work`` (not committed).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from settings import SETTINGS

import corrie
from corrie.analysis.landscape import Landscape
from corrie.analysis.widening import Widening, widened_tasks
from corrie.capabilities.agreement import AgreementTask
from corrie.models.model import Model
from corrie.widening.measuring import at_rest, landscape_of, measured_tasks

RESULTS = Path(__file__).parent / "results"
MODEL = "smollm2-135m-instruct"
TERMS: dict[str, Any] = {"retention": 0.8, "most": 320}


def told(base: Model, widening: Widening, widened: Model, before: Landscape, after: Landscape) -> dict[str, Any]:
    """One setting's result: ids and numbers."""
    ((task, count),) = measured_tasks([])
    if not isinstance(task, AgreementTask):
        raise TypeError("agreement is measured on texts")
    found = widening.model_copy(
        update={"tasks": widened_tasks(before, after), "rest": at_rest(base, widened, task, count)}
    )
    return found.to_json()


def main() -> None:
    """Every setting that has no result yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=", ".join(SETTINGS))
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=Path("runs/widen-study"))
    asked = parser.parse_args()
    base = corrie.load(asked.model)
    tasks = measured_tasks([])
    before = landscape_of(base, tasks, asked.work / "before", **TERMS)
    print(before.basin(tasks[0][0].identity.name), flush=True)
    for name in asked.settings or SETTINGS:
        file = asked.results / f"{name}.json"
        if file.exists():
            continue
        out, began, busy = asked.work / name, time.monotonic(), time.process_time()
        found = corrie.widen(base, out=out, measure=False, say=lambda line: print(line, flush=True), **SETTINGS[name])
        widened = corrie.load(out)
        after = landscape_of(widened, tasks, asked.work / f"{name}-after", **TERMS)
        result = told(base, found, widened, before, after)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"setting": SETTINGS[name], **result}, indent=1) + "\n", encoding="utf-8")
        clocks = f"{time.monotonic() - began:.0f} s, {time.process_time() - busy:.0f} CPU-seconds"
        print(f"{name}: {result['finding']} ({clocks})", flush=True)


if __name__ == "__main__":
    main()
