"""The names of lm-evaluation-harness's tasks, read off its YAML files without importing it.

The harness (``lm_eval``) brings some 14,000 files. Its own index parses each of them whole, which takes half a minute;
a name needs five keys at the beginning of a line: ``task``, ``group``, ``tag``, ``class`` and ``include``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from corrie.errors import InputError

HARNESS = "lm_eval"
"""How the harness's tasks begin, and what its package is called."""

_KEY = re.compile(
    r"""^["']?(task|group|tag|class|include)["']?[ \t]*:[ \t]*(.*(?:\n[ \t]*- .*)*)""",
    re.MULTILINE,
)
_UNSEEN = {"__pycache__", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class HarnessNames:
    """What a folder of task files brings.

    tasks    a benchmark, and its file
    groups   several, with a score of their own, and the file
    tags     several, without one, and their tasks
    """

    tasks: Mapping[str, Path]
    groups: Mapping[str, Path]
    tags: Mapping[str, tuple[str, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.tasks or name in self.groups or name in self.tags

    def file(self, name: str) -> Path | None:
        """The file of a task or group."""
        return self.groups.get(name) or self.tasks.get(name)

    @cached_property
    def all(self) -> tuple[str, ...]:
        """Every name once, sorted."""
        return tuple(sorted({*self.tasks, *self.groups, *self.tags}))

    def beginning(self, prefix: str) -> tuple[str, ...]:
        """The names that begin so, sorted.

        >>> HarnessNames({"arc_easy": Path("a"), "gsm8k": Path("g")}, {}, {"ai2_arc": ("arc_easy",)}).beginning("a")
        ('ai2_arc', 'arc_easy')
        """
        return tuple(name for name in self.all if name.startswith(prefix))


def harness_version() -> str | None:
    """Which harness is installed; None: none is."""
    try:
        return version(HARNESS)
    except PackageNotFoundError:
        return None


def harness_folder() -> Path:
    """The folder of the installed harness's own tasks.

    Raises:
        InputError: the harness is not installed.
    """
    spec = find_spec(HARNESS) if harness_version() is not None else None
    if spec is None or spec.origin is None:
        raise InputError(
            f"tasks of lm-evaluation-harness ({HARNESS}:…)",
            found=f"{HARNESS} is not installed",
            advice="pip install 'corrie[lm_eval]'",
        )
    return Path(spec.origin).parent / "tasks"


@cache
def harness_names() -> HarnessNames:
    """What the installed harness brings. Its files are read once a process, in a second or two.

    Raises:
        InputError: the harness is not installed.
    """
    return names_in(harness_folder())


def names_in(folder: Path) -> HarnessNames:
    """What the YAML files in a folder and below bring; the first file of a name, in sorted order, has it.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "base").write_text("tag: sums\\n")
    >>> _ = (folder / "one.yaml").write_text("include: base\\ntask: easy_sums\\n")
    >>> _ = (folder / "all.yaml").write_text("group: all_sums\\ntask:\\n  - easy_sums\\n")
    >>> found = names_in(folder)
    >>> found.all, found.tags
    (('all_sums', 'easy_sums', 'sums'), {'sums': ('easy_sums',)})
    """
    seen: dict[str, dict[str, list[str]]] = {}
    tasks: dict[str, Path] = {}
    groups: dict[str, Path] = {}
    tags: dict[str, list[str]] = {}
    for file in _files(folder):
        keys = _inherited(str(file), seen)
        if "group" in keys and "class" not in keys:
            for name in keys["group"][:1]:
                groups.setdefault(name, file)
            continue
        for name in keys.get("task", [])[:1]:
            if name not in tasks:
                tasks[name] = file
                for tag in keys.get("tag", []):
                    tags.setdefault(tag, []).append(name)
    own = {tag: tuple(sorted(names)) for tag, names in tags.items() if tag not in tasks and tag not in groups}
    return HarnessNames(tasks, groups, own)


def _files(folder: Path) -> list[Path]:
    found = (
        Path(place) / name
        for place, folders, names in os.walk(folder)
        if not _UNSEEN & set(Path(place).parts)
        for name in names
        if name.endswith(".yaml")
    )
    return sorted(found, key=Path.as_posix)


def _inherited(
    file: str, seen: dict[str, dict[str, list[str]]], above: tuple[str, ...] = ()
) -> Mapping[str, list[str]]:
    """The keys of a file over those of the files that it includes."""
    if file not in seen:
        try:
            with open(file, encoding="utf-8", errors="replace") as text:
                seen[file] = {key: list(_words(value)) for key, value in _KEY.findall(text.read())}
        except OSError:
            seen[file] = {}
    merged: dict[str, list[str]] = {}
    for include in seen[file].get("include", []):
        other = os.path.normpath(os.path.join(os.path.dirname(file), include))
        if other != file and other not in above:
            merged.update(_inherited(other, seen, (*above, file)))
    return merged | seen[file]


def _words(value: str) -> Iterator[str]:
    """The one name behind a key, those of a list in brackets, or those of a list of lines."""
    for line in value.strip().splitlines():
        word = line.split(" #")[0].strip().removeprefix("- ").strip()
        parts: Iterable[str] = word.strip("[]").split(",") if word.startswith("[") else [word]
        yield from (bare for part in parts if (bare := part.strip().strip("\"'")))
