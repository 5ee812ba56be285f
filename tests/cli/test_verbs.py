"""The command line says what the verbs say: every command is a verb, with the same words and the same defaults."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import typer

import corrie
from corrie.cli.main import app
from corrie.cli.pages import GROUPS, page

LOOKING = {"show", "export", "tasks", "models", "doctor", "verify"}
"""Commands that only look: what they print is an object's own words (Landscape, statements, tasks), not a verb's."""

OTHER_NAME = {"inputs": "certify_inputs"}
"""``corrie.inputs`` is a floor, so the verb says what it does."""

LOADING = {
    "dtype",
    "device",
    "device_map",
    "draw",
    "include",
    "exclude",
    "limit",
    "chat",
    "trust_task_code",
    "run_code_unsandboxed",
    "judge",
    "preset",
}
"""Options that load the model and the tasks which a verb takes ready."""

TERMINAL = {"as_json", "dry_run", "strict", "samples", "normalisation", "replace", "json", "workers", "address"}
"""Options of a terminal: what is printed, and by which code it ends; terms of an engine, which a verb takes with its
name (``engine="ray:4"``)."""

SAME = {
    "task": "tasks", "certificate": "certificates", "subspace": "subspaces", "skill": "skills",
    "direction": "directions", "examples": "tasks", "runs": "runs", "run": "runs",
}  # fmt: skip
"""An option that may be repeated, and the verb's word for all of them."""

PYTHON = {"watch", "say", "on_look", "follow"}
"""What only a caller in Python can give: who is told; ``follow`` is ``--limit`` of a diff."""


@cache
def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


ASKING = sorted(set(commands()) - LOOKING)


def verb_of(name: str) -> inspect.Signature:
    return inspect.signature(getattr(corrie, OTHER_NAME.get(name, name)))


@pytest.mark.parametrize("name", ASKING)
def test_every_command_is_a_verb_with_the_same_words(name: str) -> None:
    options = {p.name for p in commands()[name].params} - {"help"} - LOADING - TERMINAL
    words = set(verb_of(name).parameters)
    unknown = {option for option in options if option not in words and SAME.get(str(option)) not in words}
    assert not unknown, f"corrie {name} has options that corrie.{OTHER_NAME.get(name, name)} does not know"
    said = options | {SAME[o] for o in options if o in SAME}
    assert words - PYTHON <= said | LOADING, f"corrie.{name} has words that the command does not"


@pytest.mark.parametrize("name", ASKING)
def test_defaults_are_the_same(name: str) -> None:
    parameters = verb_of(name).parameters
    for option in commands()[name].params:
        same = parameters.get(str(option.name))
        if same is None or same.default is inspect.Parameter.empty or option.name in ("to", "alpha", "directions"):
            continue
        default = option.get_default(click.Context(commands()[name]))
        empty = (None, (), [])
        assert default == same.default or (default in empty and same.default in empty), (name, option.name)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_says_what_it_is(name: str) -> None:
    command = commands()[name]
    assert command.help
    for option in command.params:
        assert getattr(option, "help", None), f"corrie {name} does not say what {option.name} is"


def test_every_command_has_its_place_and_an_example() -> None:
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted(grouped) == sorted(commands())
    for group in GROUPS.values():
        for name, line in group.items():
            assert line.startswith(f"corrie {name}")
            given = {word.split("=")[0] for word in line.split() if word.startswith("-")}
            known = {opt for p in commands()[name].params for opt in p.opts}
            assert given <= known, f"the example of corrie {name} has an option that is not there"


def test_the_page_of_commands_is_that_of_these_commands() -> None:
    written = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == page(), "make commands"
