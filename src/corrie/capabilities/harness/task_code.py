"""Which code a user's task files would run: found by reading them, before anything of it is imported.

A YAML file of the harness may name Python beside it (``!function utils.process_docs``), a metric that is downloaded and
run, or a data set that brings a script. That is a program like any other, so it is run only where its user says so
(``--trust-task-code``). What the harness itself brings was trusted when it was installed. Templates are no code: they
are rendered in a sandbox (:mod:`corrie.capabilities.harness.standing`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from corrie.errors import TaskError
from corrie.records.plain_file import read_plain

_TAG = "!function"
_BYTES = 16 * 2**20


def code_of(files: Iterable[Path], metrics: Container[str]) -> tuple[str, ...]:
    """The code that these files and those they include would run, each as ``FILE: what``.

    Args:
        files: the YAML files.
        metrics: the metrics that the harness brings itself.

    Raises:
        TaskError: a file that cannot be read, is no YAML mapping, or includes itself.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "task.yaml"
    >>> _ = file.write_text("task: mine\\nprocess_docs: !function utils.prepared\\n")
    >>> code_of([file], {"acc"})
    ('task.yaml: !function utils.prepared',)
    """
    found = dict.fromkeys(
        f"{file.name}: {code}" for given in files for file, root in _included(given) for code in _code(root, metrics)
    )
    return tuple(found)


def mapping_of(file: Path) -> yaml.MappingNode:
    """A task file as YAML nodes; nothing is made of them.

    Raises:
        TaskError: it cannot be read, or is no mapping.
    """
    asked = f"task file {file}"
    text = read_plain(file, asked, most=_BYTES, error=TaskError, advice="the path of a YAML file of the harness")
    try:
        root = yaml.compose(text.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        words = " ".join(str(problem).split())[:200]
        raise TaskError(asked, found=f"it is no YAML ({words})", advice="a task file of lm_eval") from None
    if not isinstance(root, yaml.MappingNode):
        raise TaskError(asked, found="YAML, but no mapping", advice="a task file of lm_eval: task: …, dataset_path: …")
    return root


def _included(file: Path, above: tuple[Path, ...] = ()) -> Iterator[tuple[Path, yaml.MappingNode]]:
    """A file's mapping and those of the files that it includes."""
    file = file.resolve()
    if file in above:
        raise TaskError(f"task file {file}", found="it includes itself", advice="an include of another file")
    root = mapping_of(file)
    yield file, root
    for key, value in root.value:
        if key.value == "include":
            for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _included(file.parent / str(other.value), (*above, file))


def _code(root: yaml.MappingNode, metrics: Container[str]) -> Iterator[str]:
    for node, key in _walk(root, "", set()):
        if node.tag == _TAG:
            yield f"{_TAG} {node.value}"
        elif node.tag.startswith(("tag:yaml.org,2002:python/", "!")):
            yield f"{node.tag} {node.value if isinstance(node.value, str) else ''}".strip()
        elif key == "metric" and isinstance(node, yaml.ScalarNode) and node.value not in metrics:
            yield f"the metric {node.value!r}, which is not the harness's own"
        elif key in ("hf_evaluate", "trust_remote_code") and node.value not in ("false", "False"):
            yield key


def _walk(node: Any, key: str, seen: set[int]) -> Iterator[tuple[yaml.Node, str]]:
    """Every value with the key that it stands behind; an alias once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node, key
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _walk(name, "", seen)
            yield from _walk(value, str(name.value), seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _walk(value, key, seen)
