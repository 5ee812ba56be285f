"""The order of the house: what loads what, and the public vocabulary."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import corrie
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import KINDS, cliff_run, identity


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_floors_of_numbers_and_of_meaning_load_no_torch_and_records_no_scipy() -> None:
    code = (
        "import sys, corrie, corrie.stats, corrie.records, corrie.sources, corrie.records.run_folder, "
        "corrie.cli.main, corrie.analysis.landscape\n"
        "print([m for m in sys.modules if m.partition('.')[0] == 'scipy'])\n"
        "import corrie.analysis.export, corrie.reporting.html\n"
        "print([m for m in ('torch', 'transformers', 'peft', 'safetensors') if m in sys.modules])"
    )
    assert in_a_fresh_process(code) == "[]\n[]"


def loaded_at_once(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run as a file is loaded: not those of functions, nor those for a type checker alone."""
    for one in body:
        if isinstance(one, ast.Import | ast.ImportFrom):
            yield one
        elif isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING":
            yield from loaded_at_once(one.orelse)
        elif not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in ("body", "orelse", "finalbody"):
                yield from loaded_at_once(getattr(one, part, []))


def imports_between(files: dict[str, str]) -> dict[str, set[str]]:
    """Which modules each loads, of modules by name with their text."""
    found: dict[str, set[str]] = {}
    for module, text in files.items():
        named = []
        for one in loaded_at_once(ast.parse(text).body):
            above = "" if isinstance(one, ast.Import) else f"{one.module}."
            named += [above + each.name for each in one.names]
        found[module] = {n if n in files else n.rpartition(".")[0] for n in named} & files.keys()
    return found


def test_no_circle_between_files() -> None:
    source = Path(corrie.__file__).parent
    files = {
        ".".join(file.relative_to(source.parent).with_suffix("").parts): file.read_text("utf-8")
        for file in source.rglob("*.py")
        if file.name != "__init__.py"
    }
    assert len(files) > 300
    TopologicalSorter(imports_between(files)).prepare()
    circle = {"a": "if yes:\n    import b", "b": "from c import d", "c": "import a"}
    with pytest.raises(CycleError):
        TopologicalSorter(imports_between(circle)).prepare()
    later = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\ndef f():\n    import a"
    TopologicalSorter(imports_between({**circle, "c": later})).prepare()


def test_commands_that_only_look_load_nothing_heavy(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_run(store, directions=2, examples=10, kinds=KINDS[:1])
    code = f"""
import contextlib, io, sys
from corrie.cli.main import main
for words in (["--help"], ["--version"], ["tasks"], ["models"], ["doctor"], ["show", {str(tmp_path / "run")!r}]):
    sys.argv = ["corrie", *words]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    assert said.getvalue(), words
    heavy = ["torch", "transformers", "scipy.stats", "xarray", "pandas"] + ["pydantic"] * (words[0] != "show")
    assert not [m for m in heavy if m in sys.modules], words
print("light")
"""
    assert in_a_fresh_process(code) == "light"


def test_the_public_vocabulary_is_sorted_and_complete() -> None:
    assert corrie.__all__ == sorted(corrie.__all__)
    for name in corrie.__all__:
        assert callable(getattr(corrie, name)), name
    assert set(corrie.__all__) <= set(dir(corrie))
    with pytest.raises(AttributeError, match="no attribute 'scna'"):
        corrie.scna  # noqa: B018


def test_verbs_are_still_verbs_after_every_submodule_is_imported() -> None:
    for module in pkgutil.walk_packages(corrie.__path__, "corrie."):
        importlib.import_module(module.name)
    assert all(callable(getattr(corrie, name)) for name in corrie.__all__)


def test_every_module_says_what_it_is() -> None:
    for module in pkgutil.walk_packages(corrie.__path__, "corrie."):
        text = importlib.import_module(module.name).__doc__
        assert text, f"{module.name} has no docstring"
        assert text.strip()


def test_there_is_no_attic() -> None:
    names = {m.name.rsplit(".", 1)[-1] for m in pkgutil.walk_packages(corrie.__path__, "corrie.")}
    assert not names & {"utils", "util", "helpers", "common", "misc"}
