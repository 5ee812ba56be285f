"""``python tests/faults/kills --kills 9``: every command, killed at random moments, then the same command again.

Each command is started by forking from this process, which has every module loaded, so that its life is its own work.
It runs once undisturbed; then it is killed up to three times in a row in one folder and runs again to its end, over and
over. After every kill: no acknowledged outcome is lost, and what is in place is whole. After the end: what is printed
and every file are those of the undisturbed one, and nothing else is there.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1", MPLBACKEND="agg")
from commands import command_lines, make_world
from left import TIMES, cells, left_in

IN_A_ROW = 3
AT_ONCE = ("out", "report.html", "figure.svg", "table.csv", "worst.safetensors")
"""What must be there whole or not at all, whenever a command ends."""


def start(words: list[str], folder: Path, words_to: Path) -> int:
    """The command line in a forked process; its process id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.chdir(folder)
        sys.stdout, sys.stderr = words_to.open("w"), words_to.with_suffix(".err").open("w")
        sys.argv = ["corrie", *words]
        from corrie.cli.main import main

        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def finish(child: int) -> int:
    """The exit code; negative: the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def try_command(words: list[str], kills: int, scratch: Path, dice: random.Random) -> Counter[str]:
    """Counts by outcome; a failure is an AssertionError that says which."""
    place, said = scratch / "work", scratch / "said"
    begin = time.monotonic()
    place.mkdir()
    code = finish(start(words, place, said))
    length = time.monotonic() - begin
    assert code in (0, 3), f"undisturbed: exit code {code}: {said.with_suffix('.err').read_text()[-2000:]}"
    whole, told = left_in(place), TIMES.sub("so long", said.read_text())
    count: Counter[str] = Counter()
    count["ms"] = int(1000 * length)
    while count["killed"] < kills:
        shutil.rmtree(place)
        place.mkdir()
        kept: set[Any] = set()
        rest = length
        for _ in range(min(IN_A_ROW, kills - count["killed"])):
            child = start(words, place, said)
            moment = dice.uniform(0, dice.choice([rest, length]))
            rest = max(rest - moment, length / 10)  # what was done is not done again
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
            count["killed" if finish(child) == -signal.SIGKILL else "done before"] += 1
            now = cells(place)
            assert now >= kept, "an acknowledged outcome was lost or changed"
            kept = now
            there = left_in(place)
            for name in AT_ONCE:
                if (place / name).exists():
                    part = {n: there.get(n) for n in whole if n.split("/")[0] == name}
                    assert part == {n: whole[n] for n in part}, f"{name} is in place, and not whole"
        again = finish(start(words, place, said))
        printed = (again, TIMES.sub("so long", said.read_text()))
        complaint = said.with_suffix(".err").read_text()
        there_already = again == 2 and "it is there already" in complaint and words[0] in ("draw", "project")
        assert there_already or printed == (code, told), f"{printed} instead of {(code, told)}: {complaint[-2000:]}"
        there = left_in(place)
        assert there.keys() == whole.keys(), f"left over or missing: {sorted(there.keys() ^ whole.keys())}"
        for name, content in whole.items():
            assert there[name] == content, f"{name} differs"
        count["the same at the end"] += 1
        count["of these, whole before the last kill"] += there_already
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=9, help="of each command")
    parser.add_argument("--only", default=None, metavar="COMMAND")
    parser.add_argument("--seed", type=int, default=11)
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="corrie-kills-"))
    import matplotlib.pyplot  # noqa: F401 (loaded for the children)
    import torch

    import corrie

    def tell(text: str) -> None:
        print(text, flush=True)  # noqa: T201 (what this is for)

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(corrie.__path__, "corrie."):
        importlib.import_module(module.name)
    failed, total = 0, 0
    try:
        world = make_world(scratch / "world")
        for name, words in command_lines(world).items():
            if asked.only not in (None, name):
                continue
            own = scratch / name
            own.mkdir()
            dice = random.Random(f"{asked.seed}:{name}")
            try:
                count = try_command(words, asked.kills, own, dice)
            except AssertionError as problem:
                failed += 1
                tell(f"FAILED {name}: {problem}")
                continue
            total += count["killed"]
            tell(f"{name}: " + ", ".join(f"{n} {what}" for what, n in count.items() if n))
            shutil.rmtree(own, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    tell(f"all {total} kills, {failed} commands failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
