"""From a name to the harness's own task objects, their data loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from corrie.capabilities.harness.asked import HarnessAsked
from corrie.capabilities.harness.standing import FEWSHOT_SEED, standing
from corrie.capabilities.harness.task_code import code_of, mapping_of
from corrie.errors import CorrieError, FetchError, InputError, TaskError, UnknownName
from corrie.sources.harness_names import HarnessNames, harness_folder, harness_names, names_in
from corrie.sources.packages import Say, silent

if TYPE_CHECKING:
    from lm_eval.api.task import Task as TheirTask

_CODE_SHOWN = 8


@dataclass(frozen=True)
class HarnessLoaded:
    """A task, group or tag of the harness, ready to build requests.

    title    what it is called: the name, or that in a user's file
    members  its tasks by their own names
    group    the group's own account of its score, if it is a group
    """

    title: str
    members: dict[str, TheirTask]
    group: Any = None


def load_harness(asked: HarnessAsked, *, trust: bool = False, say: Say = silent) -> HarnessLoaded:
    """Load what was asked for, with the data of its tasks.

    Args:
        asked: a name of the installed harness, or a file.
        trust: a file's own code may be run.
        say: is notified before data are fetched or read.

    Raises:
        InputError: the harness is not installed, or no such file.
        UnknownName: the harness has no task, group or tag of that name.
        TaskError: a file that is no task, would run code that is not trusted, or that the harness refuses.
        FetchError: the data are neither in the cache nor to be had.
    """
    brought = harness_folder()
    if asked.file is None:
        known = harness_names()
        if asked.name not in known:
            raise UnknownName("task of lm-evaluation-harness", asked.name, known.all)
        if asked.name in known.groups:  # by name, from an index of the folders that it draws from
            specs, folders = [asked.name], sorted({f.parent for f in _files(asked.name, known)})
        else:
            specs, folders = [str(known.tasks[name]) for name in known.tags.get(asked.name, (asked.name,))], []
    else:
        file = _own_file(asked.file)
        own = names_in(file.parent)
        group = next((name for name, f in own.groups.items() if f == file), None)
        folders = [] if group is None else [file.parent]
        for name in _outside(file, own):
            folders += sorted({f.parent for f in _files(name, harness_names())})
        specs = [str(file) if group is None else group]
        if not file.is_relative_to(brought):
            _check_code(asked, file, own, trust)
    say(f"Building the requests of {asked} …")
    with standing():
        return _loaded(asked, specs, folders)


def _loaded(asked: HarnessAsked, specs: list[str], folders: list[Path]) -> HarnessLoaded:
    try:
        from lm_eval.tasks import TaskManager

        found = TaskManager(include_defaults=False, include_path=[str(f) for f in folders]).load(specs)
    except Exception as problem:  # a task file is somebody's program: it may raise anything
        raise _refused(asked, problem) from problem
    members = dict(found["tasks"])
    for task in members.values():
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=FEWSHOT_SEED)
    groups = found.get("groups", {})
    children = {child for group in groups.values() for child in group.child_names}
    top = [group for name, group in groups.items() if name not in children]
    title = asked.name
    if asked.file is not None:
        title = top[0].name if top else next(iter(members), asked.name)
    if not members:
        raise TaskError(str(asked), found="no task in it", advice="a task, or a group with tasks in it")
    return HarnessLoaded(title, members, top[0] if top else None)


def _own_file(file: Path) -> Path:
    if not file.is_file():
        raise InputError(f"task file {file}", found="there is no such file", advice="lm_eval:FOLDER/task.yaml")
    return file.resolve()


def _files(name: str, known: HarnessNames) -> Iterator[Path]:
    """The files of a task, or of all tasks and groups that a group or tag names."""
    waiting, seen = [name], set()
    while waiting:
        one = waiting.pop()
        if one in seen or one not in known:
            continue
        seen.add(one)
        file = known.file(one)
        if file is not None:
            yield file
        if one in known.groups:
            waiting.extend(_named(known.groups[one]))
        waiting.extend(known.tags.get(one, ()))


def _named(file: Path) -> Iterator[str]:
    """The tasks and groups that a group's file names, at any depth."""
    waiting = [value for key, value in mapping_of(file).value if key.value == "task"]
    while waiting:
        match waiting.pop():
            case yaml.ScalarNode(value=name):
                yield str(name)
            case yaml.SequenceNode(value=items):
                waiting.extend(items)
            case yaml.MappingNode(value=pairs):
                waiting.extend(value for key, value in pairs if key.value in ("task", "group"))


def _outside(file: Path, own: HarnessNames) -> list[str]:
    """What a user's group names that its own folder does not bring."""
    if file not in own.groups.values():
        return []
    return [name for name in _named(file) if name not in own]


def _check_code(asked: HarnessAsked, file: Path, own: HarnessNames, trust: bool) -> None:
    """Would loading it run code that nobody trusts?"""
    from lm_eval.api import metrics, registry

    del metrics  # imported, because it fills the registry
    title = next((name for name, f in {**own.tasks, **own.groups}.items() if f == file), None)
    files = {file, *(_files(title, own) if title else ())}
    code = code_of(sorted(files), frozenset(registry.metric_registry))
    if code and not trust:
        more = f", and {len(code) - _CODE_SHOWN} more" if len(code) > _CODE_SHOWN else ""
        raise TaskError(
            str(asked),
            found=f"it brings code that would be run with your rights: {'; '.join(code[:_CODE_SHOWN])}{more}",
            advice="read it, and then --trust-task-code",
        )


def _refused(asked: HarnessAsked, problem: Exception) -> CorrieError:
    """The harness's own error in our words."""
    if isinstance(problem, CorrieError):
        return problem
    words = f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
    if _while_loading_data(problem):
        return FetchError(
            f"the data of {asked}",
            found=words,
            advice="a machine that reaches the Hugging Face hub once (without HF_HUB_OFFLINE), or the data files named "
            "in a YAML file of your own",
        )
    return TaskError(
        str(asked), found=f"the harness cannot load it ({words})", advice="a task that lm_eval itself can run"
    )


def _while_loading_data(problem: BaseException) -> bool:
    """Whether an error came out of loading a data set."""
    trace = problem.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name == "load_dataset" and Path(code.co_filename).parent.name == "datasets":
            return True
        trace = trace.tb_next
    return False
