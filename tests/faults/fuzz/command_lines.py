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
    """A good command line of each command, small enough to end in a second."""
    toy, task, run, scratch = (str(world[name]) for name in ("toy", "task", "run", "scratch"))
    asked = [toy, "-t", f"{task}:10"]
    return {
        "scan": [*asked, "--direction", "gaussian:0", "--alpha", "0:0.2:2", "--to", f"{scratch}/scan"],
        "fraction": [
            *asked,
            "--sigma",
            "0.1",
            "--at-least",
            "0.2",
            "--confidence",
            "0.6",
            "--to",
            f"{scratch}/fraction",
        ],
        "certify": [*asked, "--sigma", "0.1", "--draws", "30", "--selection-draws", "5", "--to", f"{scratch}/certify"],
        "plane": [*asked, "--alpha", "0:0.2:2", "--to", f"{scratch}/plane"],
        "worst": [*asked, "--distance", "0.5", "--steps", "1", "--out", f"{scratch}/worst.safetensors"],
        "inputs": [*asked, "--draws", "3", "--selection", "2", "--to", f"{scratch}/inputs"],
        "diff": [toy, toy, "-t", f"{task}:10"],
        "draw": [str(world["certificate"]), "--out", f"{scratch}/draw"],
        "protect": [*asked, "--sigma", "0.1", "--draws", "30", "--out", f"{scratch}/protect"],
        "project": [str(world["adapter"]), "--out", f"{scratch}/project"],
        "retract": [toy, toy, "-t", f"{task}:10", "--out", f"{scratch}/retract"],
        "generalise": [
            toy,
            str(world["adapter"]),
            "-t",
            f"{task}:10",
            "--subspace",
            "adapter:q_proj:2",
            "--sigma",
            "0.1",
        ],
        "compare": [run, run],
        "show": [run],
        "report": [run, "--out", f"{scratch}/r.html"],
        "export": [run, "--out", f"{scratch}/out.csv"],
        "verify": [str(world["certificate"])],
        "tasks": [],
        "models": [],
        "doctor": [],
    }


def odd_line(world: Any, dice: random.Random) -> tuple[list[str], str]:
    """A command line with one odd value, and what is odd in it."""
    from typer.main import get_command

    from corrie.cli.main import app

    commands: Any = get_command(app)
    name = dice.choice([*commands.commands, "scan", "certify", "fraction", "plane", "inputs"])
    good = lines(world).get(name, [])
    options = [p for p in commands.commands[name].params if p.param_type_name == "option" and not p.is_flag]
    value = dice.choice(ODD)
    if "\x00" in value:
        value = value.replace("\x00", "")
    at = [i for i, word in enumerate(good) if not word.startswith("-") and (i == 0 or not good[i - 1].startswith("-"))]
    if at and (not options or dice.random() < 0.25):
        place = dice.choice(at)
        return [name, *good[:place], value, *good[place + 1 :]], f"argument {place + 1} = {value[:60]!r}"
    if not options:
        return [name, value], f"an argument: {value[:60]!r}"
    option = dice.choice(options)
    flag = max(option.opts, key=len)
    words = list(good)
    for known in option.opts:
        while known in words:
            spot = words.index(known)
            del words[spot : spot + 2]
    return [name, *words, f"{flag}={value}"], f"{flag} = {value[:60]!r}"


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
