import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from corrie.capabilities import registry
from corrie.capabilities.examples import Target
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.listed import catalogue
from corrie.capabilities.registry import TaskAsked, examples_asked, parse_task, same_tasks, tasks
from corrie.capabilities.suite import DEFAULT_SUITE, SUITE
from corrie.errors import InputError, TaskError, UnknownName


def make_task() -> LikelihoodTask:
    """What another package's entry point names."""
    return LikelihoodTask("theirs", [Target(str(i), "x", " y") for i in range(5)], capability="zen", source="elsewhere")


def make_nothing() -> str:
    return "no task"


def make_trouble() -> None:
    raise ZeroDivisionError("their mistake")


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points of other packages; one has taken a name of ours."""
    named = {"theirs": "make_task", "nothing": "make_nothing", "trouble": "make_trouble", "math": "make_task"}
    points = [EntryPoint(name, f"{__name__}:{function}", "corrie.tasks") for name, function in named.items()]
    points.append(EntryPoint("gone", "no_such_module:f", "corrie.tasks"))

    def entry_points(group: str) -> list[EntryPoint]:
        assert group == "corrie.tasks"
        return points

    monkeypatch.setattr("corrie.capabilities.listed.entry_points", entry_points)
    monkeypatch.setattr(EntryPoint, "load", lambda point: _load(point))


def _load(point: EntryPoint):
    module, _, function = point.value.partition(":")
    if module != __name__:
        raise ModuleNotFoundError(f"No module named {module!r}")
    return globals()[function]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "facts.jsonl"
    path.write_text(json.dumps({"prompt": "x", "answer": "y"}))
    return path


@pytest.mark.usefixtures("others")
def test_the_tasks_of_a_run_are_found_again_by_name_and_content() -> None:
    (task,) = same_tasks([make_task().identity])
    assert task.identity == make_task().identity
    other = make_task().identity.model_copy(update={"digest": "0" * 64})
    for identity in (other, other.model_copy(update={"name": "nowhere"})):
        with pytest.raises(TaskError, match="no task of that name and content"):
            same_tasks([identity])


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("math", TaskAsked("math", None)),
        ("math:40", TaskAsked("math", 40)),
        ("a/b.jsonl", TaskAsked("a/b.jsonl", None)),
        ("a/b.jsonl:3", TaskAsked("a/b.jsonl", 3)),
        ("C:\\b.jsonl", TaskAsked("C:\\b.jsonl", None)),
        ("C:\\b.jsonl:3", TaskAsked("C:\\b.jsonl", 3)),
    ],
)
def test_parse_task(text: str, asked: TaskAsked) -> None:
    assert parse_task(text) == asked


@pytest.mark.parametrize(
    ("text", "words"),
    [("math:0", "zero examples"), ("math:-3", "zero examples"), ("math:", "no number"), ("math:4o", "'4o'")],
)
def test_limits_that_cannot_be_meant(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_task(text)


def test_examples_asked() -> None:
    task = make_task()
    assert examples_asked(task, None) == examples_asked(task, 5) == 5
    assert examples_asked(task, 2) == 2
    with pytest.raises(InputError, match=r"6 examples of task 'theirs': it has 5\. Try: theirs:5"):
        examples_asked(task, 6)
    with pytest.raises(InputError, match="zero examples"):
        examples_asked(task, 0)


def test_unknown_tasks_bring_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no task named 'gsm9k'\. Known: .*Did you mean 'gsm8k'\?"):
        tasks("gsm9k")


def test_a_file(file: Path) -> None:
    (task,) = tasks(str(file))
    assert task.identity.name == "facts"
    (chat,) = tasks(str(file), chat=True)
    assert chat.identity.id != task.identity.id


def test_the_same_name_twice(file: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    other = tmp_path / "deep" / "facts.jsonl"
    other.write_text(json.dumps({"text": "another file of this name"}))
    with pytest.raises(InputError, match="'facts': it is asked for twice"):
        tasks(str(file), str(other))


@pytest.mark.usefixtures("others")
def test_tasks_of_other_packages() -> None:
    (task,) = tasks("theirs")
    assert task.identity.capability == "zen"
    with pytest.raises(UnknownName, match="Did you mean 'theirs'"):
        tasks("their")


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("name", "words"),
    [("trouble", "ZeroDivisionError: their mistake"), ("nothing", "returns str"), ("gone", "no_such_module")],
)
def test_what_other_packages_get_wrong_is_an_error_of_ours(name: str, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        tasks(name)


@pytest.mark.usefixtures("others")
def test_the_catalogue_lists_all_and_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda _: pytest.fail("a listing loaded a task"))
    monkeypatch.setattr(registry, "packaged_task", lambda *_, **__: pytest.fail("a listing fetched data"))
    rows = catalogue()
    names = [row.name for row in rows]
    assert names == ["agreement"] + [row.name for row in SUITE] + ["gone", "nothing", "theirs", "trouble"]
    assert [row.name for row in rows if row.default] == list(DEFAULT_SUITE)
    assert {row.name for row in rows if row.sensitive} == {"safety", "safety_margin", "harmbench"}
    assert {row.name for row in rows if row.chat} == {"safety", "safety_margin", "harmbench", "over_refusal", "ifeval"}
    assert all(row.licence and row.size and row.scoring for row in rows[: len(SUITE)])
    assert all(str(row) for row in rows)
