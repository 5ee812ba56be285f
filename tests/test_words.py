"""A word means one thing: a public name is defined in one module."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import corrie

ROOT = Path(next(iter(corrie.__path__)))

SHARED = {
    "lower_limit": "the limits of a mean share their names: learn one, know all",
    "upper_limit": "as lower_limit",
    "draw": "of a module that has one thing to draw: figure.draw, plane_figure.draw, prior.draw",
    "main": "where a program begins: guest and judge of the sandbox, and a module that is run",
    "project": "the verb, called as its command, and the step of an optimizer into a ball",
}
"""Names that several modules define on purpose, and why. Add one only where the modules are siblings."""


def public_names(tree: ast.Module) -> list[str]:
    """Functions, classes and constants of a module, as far as others may use them."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
    return [name for name in found if not name.startswith("_")]


def test_a_public_name_is_defined_in_one_module() -> None:
    """The command line is left out: a command is called as its verb, and nothing imports it."""
    where: dict[str, set[str]] = defaultdict(set)
    for file in ROOT.rglob("*.py"):
        place = file.relative_to(ROOT)
        if place.parts[0] != "cli":
            for name in public_names(ast.parse(file.read_text("utf-8"))):
                where[name].add(str(place))
    twice = {name: sorted(places) for name, places in where.items() if len(places) > 1}
    new = {name: places for name, places in twice.items() if name not in SHARED}
    assert not new, "one word each, a leading underscore where no other module needs it, or a reason in SHARED"
    assert SHARED.keys() <= twice.keys(), "a reason for what is no longer shared"
