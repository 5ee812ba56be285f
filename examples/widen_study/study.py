"""How wide at what cost: widens a model by one setting after another, each leaves one small JSON file when it is done.

    python examples/widen_study/study.py small                     # the small model; what is there already is skipped
    python examples/widen_study/study.py smollm2 factor-2 …        # some settings of SmolLM2
    python examples/widen_study/study.py small --results mine      # measured anew, into a folder of one's own

A setting of ``corrie.widen`` that is stopped goes on where it stood. Weights and runs stay in ``--work`` (not
committed); the base is measured once. ``table.py`` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from baselines import trained
from settings import SETTINGS, Setting
from small_model import prepare

import corrie
from corrie.analysis.landscape import Landscape
from corrie.analysis.widening import Spent, Widening, widened_tasks
from corrie.capabilities.agreement import AgreementTask
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.models.write import write_trained
from corrie.scanning.first_answer import FIRST_WINDOWS
from corrie.widening.measuring import at_rest, landscape_of, moved, radius_of_agreement
from corrie.widening.texts import windows_of

RESULTS = Path(__file__).parent / "results"
PROSE = Path(__file__).parents[2] / "docs"
TERMS: dict[str, Any] = {"retention": 0.8, "most": 320}


def asked_of(model: str, work: Path) -> tuple[Model, list[tuple[Task, int]], list[Path]]:
    """A model, what of it is measured (agreement first), and the text that it reads unless it writes its own."""
    if model == "smollm2":
        (agreement,) = corrie.tasks("agreement")
        return corrie.load("smollm2-135m-instruct"), [(agreement, FIRST_WINDOWS)], []
    folder = prepare(work)
    agreement, code = corrie.tasks(f"agreement:{work / 'held.txt'}", str(work / "held.jsonl"))
    return corrie.load(folder), [(agreement, 40), (code, 100)], [work / "text"]


def text_of(setting: Setting, reads: list[Path]) -> tuple[list[Path], str]:
    """What a setting reads, and what it is called: no place of this machine. Nothing: what the model writes."""
    if "written" in setting or not reads:
        return [], ""
    return ([PROSE], "the pages of docs/") if setting.get("text") == "prose" else (reads, "its own training text")


def widened(
    base: Model, tasks: list[tuple[Task, int]], before: Landscape, setting: Setting, reads: list[Path], out: Path
) -> dict[str, Any]:
    """One setting's result: ids and numbers."""
    texts, text = text_of(setting, reads)
    terms = {"balance": False, **{name: value for name, value in setting.items() if name != "text"}}
    if "sigma" not in terms and "factor" in terms:
        terms["sigma"] = terms["factor"] * radius_of_agreement(before, tasks[0][0].identity.name)
    if "method" in terms:
        found = otherwise(base, setting | {n: terms[n] for n in ("sigma",) if n in terms}, texts, out)
    else:
        found = corrie.widen(
            base, out=out, text=texts, measure=False, say=lambda line: print(line, flush=True), **terms
        )
    model = corrie.load(out)
    after = landscape_of(model, tasks, out.with_name(f"{out.name}-after"), **TERMS)
    first, count = tasks[0]
    if not isinstance(first, AgreementTask):
        raise TypeError("agreement is measured first")
    measured: dict[str, Any] = {"tasks": widened_tasks(before, after), "rest": at_rest(base, model, first, count)}
    if text:
        measured["text"] = text
    return found.model_copy(update=measured).to_json()


def otherwise(base: Model, setting: Setting, texts: list[Path], out: Path) -> Widening:
    """The same record of a model that was trained by one of the other methods; what was stopped begins anew."""
    done = trained(base, windows_of(base, list(texts), setting["window"]), setting, out.parent / "ends")
    out.mkdir(exist_ok=True)
    write_trained(base, done.module, out)
    model, went = corrie.load(out), moved(base.module, done.module)
    return Widening(
        model=base.identity,
        widened=model.identity,
        text="",
        trained=f"all tensors, by {setting['method']}",
        sigma=setting.get("sigma", 0.0),
        factor=None,
        rate=setting["rate"],
        anchor=0.0,
        loss=done.loss,
        distance=went.distance,
        largest_rescaling=went.factor,
        rescaled=went.tensor,
        tasks=(),
        rest=None,
        spent=Spent(steps=setting["steps"], tokens=done.tokens, seconds=done.seconds, cpu=done.cpu),
    )


def main() -> None:
    """Every setting that has no result yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=SETTINGS)
    parser.add_argument("settings", nargs="*", metavar="SETTING")
    parser.add_argument("--seed", type=int, default=0, help="of noise, order and own writing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=Path("runs/widen-study"))
    asked = parser.parse_args()
    work = asked.work / asked.model
    base, tasks, reads = asked_of(asked.model, work)
    before = landscape_of(base, tasks, work / "before", **TERMS)
    print(*before.basins(), sep="\n", flush=True)
    for setting_name in asked.settings or SETTINGS[asked.model]:
        name = f"{setting_name}-seed{asked.seed}" if asked.seed else setting_name
        file = asked.results / asked.model / f"{name}.json"
        if file.exists():
            continue
        began, busy = time.monotonic(), time.process_time()
        setting = SETTINGS[asked.model][setting_name] | ({"seed": asked.seed} if asked.seed else {})
        result = widened(base, tasks, before, setting, reads, work / name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"setting": setting, **result}, indent=1) + "\n", encoding="utf-8")
        clocks = f"{time.monotonic() - began:.0f} s, {time.process_time() - busy:.0f} CPU-seconds"
        print(f"{name}: {result['finding']} ({clocks})", flush=True)


if __name__ == "__main__":
    main()
