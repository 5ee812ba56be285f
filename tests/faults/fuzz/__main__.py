"""``python tests/faults/fuzz --cases 3000 --to FOLDER``: damaged inputs of every kind, counted by how they end.

Every case has its own seed, so a case is the same alone and among others, and what was tried is never tried again
(``results.jsonl`` in the folder). ``--only config:17`` tries one case and keeps its files.
"""

# ruff: noqa: E501, SIM115 (tables of odd values read better in long lines)

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")
from cases import WELL, run
from damage import Dice
from subjects import SUBJECTS, Subject, make_world


def expected_of(subject: Subject, folder: Path, scratch: Path) -> dict | None:
    """What the good one gives. Asked in this process, so that its children have every module loaded."""
    if not subject.exact:
        return None
    copy = scratch / "good" / subject.good
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    if subject.name == "templates":
        (copy / "chat_template.jinja").unlink()
    return subject.probe(copy)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--to", type=Path, default=None, help="keeps results.jsonl, and continues it")
    parser.add_argument("--only", default=None, metavar="SUBJECT[,SUBJECT…][:NUMBER]")
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="corrie-fuzz-"))
    os.environ["CORRIE_CACHE"] = str(scratch / "cache")
    import torch

    torch.set_num_threads(1)
    out, heard, sys.stdout, sys.stderr = sys.stdout, sys.stderr, open(os.devnull, "w"), open(os.devnull, "w")
    try:
        world = make_world(scratch / "world")
        return _fuzz(asked, world, scratch, out)
    finally:
        sys.stdout, sys.stderr = out, heard
        if not (asked.only and ":" in asked.only):
            shutil.rmtree(scratch, ignore_errors=True)


def _fuzz(asked: argparse.Namespace, world: dict[str, Path], scratch: Path, out: object) -> int:
    def tell(text: str) -> None:
        print(text, file=out, flush=True)

    known: dict[tuple[str, int], dict] = {}
    results = None
    if asked.to is not None:
        asked.to.mkdir(parents=True, exist_ok=True)
        file = asked.to / "results.jsonl"
        if file.exists():
            known = {(r["subject"], r["number"]): r for r in map(json.loads, file.read_text("utf-8").splitlines())}
        results = file.open("a", encoding="utf-8")
    name, _, number = (asked.only or "").partition(":")
    total = sum(s.share for s in SUBJECTS)
    counts: dict[str, Counter[str]] = {}
    failures: list[dict] = []
    for subject in SUBJECTS:
        if name and subject.name not in name.split(","):
            continue
        expected = expected_of(subject, world[subject.good], scratch)
        numbers = [int(number)] if number else range(-(-int(asked.cases * subject.share / total * 1000) // 1000))
        count = counts[subject.name] = Counter()
        for case in numbers:
            row = None if number else known.get((subject.name, case))
            if row is None:
                folder = scratch / "case"
                shutil.rmtree(folder, ignore_errors=True)
                inner = folder / subject.good
                shutil.copytree(world[subject.good], inner)
                dice = Dice(subject.name, case)
                did = subject.damage(inner, dice)
                end = run(lambda subject=subject, inner=inner: subject.probe(inner), expected, folder)
                row = {"subject": subject.name, "number": case, "damage": did[:200], "kind": end.kind, "said": end.said}
                row["seconds"] = round(end.seconds, 2)
                if results is not None:
                    results.write(json.dumps(row) + "\n")
                    results.flush()
            count[row["kind"]] += 1
            if row["kind"] not in WELL or number:
                failures.append(row)
                tell(
                    f"{row['kind']}  {subject.name}:{case}  {row['damage']!r}  {row['said'][:300]!r}  {row['seconds']} s"
                )
        tell(f"{subject.name}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(count.items())))
    whole = sum(counts.values(), Counter())
    tell(f"all {sum(whole.values())}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(whole.items())))
    return 1 if failures and not number else 0


if __name__ == "__main__":
    sys.exit(main())
