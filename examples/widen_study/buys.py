"""What a wider basin buys: a model and the one it was widened to, the same recipes done to both.

    python examples/widen_study/buys.py BASE WIDENED [PART …] --seeds 3

Names or folders of any two models (or more) that ``corrie.load`` takes. Each part of each model and seed leaves one
small JSON file in ``--results/MODEL/`` when it is done; what is there is skipped, and a part that was stopped goes on
where its checkpoints and scores stand in ``--work`` (not committed). ``buys_table.py`` prints what is there.

certificate   the certified radius at equal retention in the same subspace
edge          along the worst direction that a short search finds
rounding      to int8 and int4
forgetting    after a harmless fine-tune
refusals      after ten harmful examples, of the model that was first taught to refuse
merging       the average of two fine-tunes
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from buys_parts import PARTS
from buys_terms import Terms
from subject import Subject

import corrie
from corrie.errors import RunError

RESULTS = Path(__file__).parent / "results" / "buys"


def measure(subject: Subject, part: str, seed: int, results: Path) -> Path | None:
    """One part, unless its result is there; None where this model cannot be asked it.

    Raises:
        RunError: the result that is there was made by other terms.
    """
    terms = {name: value for name, value in placeless(subject.terms).items() if name in PARTS[part].uses}
    file = results / Path(subject.place).name / f"{part}-{seed}.json"
    if file.is_file():
        if json.loads(file.read_text("utf-8"))["terms"] != terms:
            raise RunError(f"{file}", found="it was made by other terms", advice="--results with another folder")
        return file
    if PARTS[part].chats and not subject.model.tokenizer.chat_template:
        return None
    began, busy = time.monotonic(), time.process_time()
    found: dict[str, Any] = PARTS[part].run(subject, seed)
    model = subject.model.identity
    found = {
        "part": part,
        "seed": seed,
        "model": {"name": model.name, "fingerprint": model.fingerprint, "norm": model.norm, "rms": model.rms},
        **found,
        "terms": terms,
        "seconds": round(time.monotonic() - began),
        "cpu": round(time.process_time() - busy),
        "corrie": corrie.__version__,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(found) + "\n", encoding="utf-8")
    unfinished.replace(file)
    return file


def placeless(terms: Terms) -> dict[str, Any]:
    """The terms as they are written down: files by their names, and no place of this machine.

    >>> placeless(Terms(text="/here/story.txt"))["text"]
    'story.txt'
    """
    named = dataclasses.replace(
        terms,
        skills=tuple(Path(skill).name for skill in terms.skills),
        text=Path(terms.text).name,
        climbed=Path(terms.climbed).name,
    )
    return json.loads(json.dumps(dataclasses.asdict(named)))


def main() -> None:
    """Every part that has no result yet: all of the first seed, then the next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("asked", nargs="+", metavar="MODEL|PART", help="models, and parts (all of them)")
    parser.add_argument("--seeds", type=int, default=1, help="how many: 1, 2, …")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=Path("runs/widen-buys"))
    parser.add_argument("-t", "--task", action="append", help="TASK:LIMIT, in place of knowledge")
    parser.add_argument("--text", default="", help="a text file for agreement, in place of the suite's texts")
    parser.add_argument("--climb", default=Terms().climbed, help="TASK:LIMIT whose loss the worst-case search climbs")
    given = parser.parse_args()
    terms = Terms(skills=tuple(given.task or Terms().skills), text=given.text, climbed=given.climb)
    models = [one for one in given.asked if one not in PARTS]
    parts = [one for one in given.asked if one in PARTS] or list(PARTS)
    subjects = [Subject(place, given.work / Path(place).name, terms) for place in models]
    for seed in range(1, given.seeds + 1):
        for part in parts:
            for subject in subjects if PARTS[part].seeded or seed == 1 else ():
                began = time.monotonic()
                file = measure(subject, part, seed, given.results)
                name = f"{part}-{seed} of {Path(subject.place).name}"
                print(f"{name}: {file or 'it has no chat template'} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
