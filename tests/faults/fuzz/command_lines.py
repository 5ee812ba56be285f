"""Odd values for every option and argument of every command, in place of a good one."""

# ruff: noqa: E501 (tables of odd values read better in long lines)

from __future__ import annotations

import contextlib
import random
import sys
import warnings
from typing import Any

ODD = (
    "", " ", "-1", "0", "1", "-0.0", "0.5", "1.5", "nan", "inf", "-inf", "1e400", "-1e400", "1e308", "1e-320", "9" * 5000,
    "1" + "0" * 30, str(2**63), "x" * 5000, "x/" * 3000, "\udcff", "\u202e", "\x1b[31m", "=cmd", "auto", "none", "None",
    "0:1:10000000", "0:1:10000000000000", "1:0:3", "0:1:-3", "0:inf:3", "nan:1:3", "0:1e400:3", "-1e308:1e308:3", "0:1:1",
    ":", "::", "a:b:c", "gaussian:0-10000000", "gaussian:0-99999999999", "gaussian:5-1", "gaussian:-1", "gaussian:1,1",
    f"gaussian:{2**63}", "gaussian:" + "9" * 5000, "toward:", "saved:/dev/zero", "adapter:.", "quantised:int3",
    "quantised:int8/block0", "toy:0", "toy:-1", "knowledge:" + "9" * 5000, "t:1e9", "/dev/null", "/dev/zero", "/", "..",
    "/proc/self/mem", "absorbing:2", "uniform:nan", "absorbing:" + "9" * 5000, "adapter:q_proj:0", "adapter:q_proj:99999999",
    "adapter:*:1e400", "rows:-1", "full", "[", "**", "99999999999h", "9" * 400 + "s", "10m", "٣", "1_000", "0x10", "٣:٤:٥",
)  # fmt: skip


def lines(world: Any) -> dict[str, list[str]]:
    """A good command line of each command, small enough to end in a second or two; each exits with 0."""
    toy, task, run, out = (str(world[name]) for name in ("toy", "task", "run", "scratch"))
    tuned, many, good = (str(world[name]) for name in ("tuned", "many", "good"))
    asked = [toy, "-t", f"{task}:10"]
    certified = ["--sigma", "0.05", "--draws", "60"]
    return {
        "scan": [*asked, "--direction", "gaussian:0", "--alpha", "0:0.2:2", "--to", f"{out}/scan"],
        "fraction": [*asked, "--sigma", "0.001", "--at-least", "0.2", "--confidence", "0.6", "--to", f"{out}/fraction"],
        "certify": [*asked, "--subspace", "adapter:q_proj:1", *certified, "--to", f"{out}/certify"],
        "plane": [*asked, "--alpha", "0:0.2:2", "--to", f"{out}/plane"],
        "worst": [*asked, "--distance", "0.5", "--steps", "1", "--out", f"{out}/worst.safetensors"],
        "inputs": [*asked, "--draws", "3", "--selection", "2", "--to", f"{out}/inputs"],
        "diff": [toy, tuned, "-t", f"{task}:10", "--directions", "0", "--to", f"{out}/diff"],
        "draw": [good, "--model", toy, "--count", "1", "--out", f"{out}/draw"],
        "protect": [*asked, *certified, "--out", f"{out}/protect"],
        "project": [str(world["adapter"]), "--radius", "0.5", "--out", f"{out}/project"],
        "retract": [toy, tuned, "-t", f"{many}:20", "--out", f"{out}/retract", "--to", f"{out}/back"],
        "generalise": [
            toy, str(world["core"]), "-t", f"{many}:40", "--subspace", "core:all:1", "--sigma", "0.01", "--draws", "40",
            "--confidence", "0.9", "--to", f"{out}/generalise",
        ],
        "compare": [run, str(world["kept"])],
        "show": [run],
        "report": [run, "--out", f"{out}/r.html"],
        "export": [run, "--out", f"{out}/out.csv"],
        "verify": [good],
        "tasks": [],
        "models": [],
        "doctor": [],
    }  # fmt: skip


def table(world: Any) -> list[tuple[str, str, str]]:
    """Every odd value for every option and every argument of every command: (command, option or place, value), in one
    shuffled order, so that the first so many are of all kinds."""
    from typer.main import get_command

    from corrie.cli.main import app

    commands: Any = get_command(app)
    places = []
    for name, good in lines(world).items():
        options = [p for p in commands.commands[name].params if p.param_type_name == "option" and not p.is_flag]
        places += [(name, max(p.opts, key=len)) for p in options]
        first = next((i for i, word in enumerate(good) if word.startswith("-")), len(good))
        places += [(name, str(i)) for i in range(max(first, 1))]
    found = [(name, place, value) for name, place in places for value in ODD]
    random.Random(0).shuffle(found)
    return found


def odd_line(world: Any, number: int) -> tuple[list[str], str]:
    """A command line with one odd value, and what is odd in it; a NUL cannot be passed to a command at all."""
    every = table(world)
    name, place, value = every[number % len(every)]
    good = lines(world)[name]
    if not place.startswith("-"):
        at = int(place)
        return [name, *good[:at], value, *good[at + 1 :]], f"argument {at + 1} = {value[:60]!r}"
    words, short = list(good), {"--task": "-t"}.get(place)
    for known in (place, short):
        while known in words:
            spot = words.index(known)
            del words[spot : spot + 2]
    both = [place, value, value] if place == "--replace" else [f"{place}={value}"]
    if place == "--replace":
        words = words[:1]
    return [name, *words, *both], f"{place} = {value[:60]!r}"


def call(words: list[str]) -> dict[str, Any]:
    """The command line in this process. An exit code of ours is what is expected of it."""
    from corrie.cli.main import main

    sys.argv = ["corrie", *words]
    warnings.simplefilter("ignore")
    code: Any = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    if code not in (0, 1, 2, 3):
        raise RuntimeError(f"exit code {code}")
    if code:
        from corrie.errors import InputError

        raise InputError(f"exit code {code}")
    return {"id": "done", "numbers": []}
