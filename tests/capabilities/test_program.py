"""Programs that are written and run: canonical solutions pass, and what is no solution does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.sandbox.rooms import needs_rooms

from corrie.capabilities.exercises import humaneval, humaneval_turn, mbpp
from corrie.capabilities.program import Exercise, ProgramTask, program
from corrie.capabilities.registry import same_tasks
from corrie.capabilities.rows import read_rows
from corrie.capabilities.suite import find_row
from corrie.errors import TaskError
from corrie.models.reading import Writing
from corrie.models.stops import Stops
from corrie.sandbox import ProgramVerdict, Sandbox
from corrie.sources.manifest import find_package
from corrie.sources.packages import packaged_file
from corrie.testing.toy_models import toy_model

EXERCISES = [
    Exercise(str(k), f"def times(n):  # {k}", "def times(n):\n", f"assert times(2) == {2 * k}", "", ("times",))
    for k in range(4)
]


class Writer:
    """A reader whose model writes what it is told to."""

    def __init__(self, texts: Sequence[str], finite: bool = True) -> None:
        self.texts, self.finite = texts, finite

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        return [Writing(text=text, tokens=1, ended=True, finite=self.finite) for text in self.texts[: len(prompts)]]


def task(**rest: Any) -> ProgramTask:
    return ProgramTask("times", EXERCISES, stops=("\n#",), capability="code", source="a test", **rest)


@needs_rooms
def test_what_passes_is_right_and_the_rest_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        " return 0 * n\n# and more (",
        " return 7",
        " return 2 * n",
        " la" * 40,
    ]
    made = task()
    monkeypatch.setattr(made, "check", lambda reader: None)
    monkeypatch.setattr(made, "framing", type("Plain", (), {"context": lambda s, r, p: p, "chat": False})())
    found = made.score(Writer(texts), 0, 4)  # pyright: ignore[reportArgumentType]
    assert [outcome.label for outcome in found] == ["right", "wrong", "right", "collapsed"]
    assert [outcome.success for outcome in found] == [1.0, 0.0, 1.0, 0.0]
    assert found[0].answer == " return 0 * n"
    broken = made.score(Writer(texts, finite=False), 0, 1)  # pyright: ignore[reportArgumentType]
    assert broken[0].label == "collapsed"


def test_walls_are_tried_before_a_model_is_asked() -> None:
    class Tried(Sandbox):
        times = 0

        def check(self) -> None:
            Tried.times += 1

        def judge_all(self, programs: Any, workers: int | None = None) -> tuple[ProgramVerdict, ...]:
            return tuple(ProgramVerdict(ending="failed") for _ in programs)

    made, reader = task(sandbox=Tried()), toy_model().reader()
    made.check(reader)
    made.check(reader)
    assert Tried.times == 1


def test_through_the_chat_template_the_answer_begins_with_its_code() -> None:
    class Chatting(Writer):
        has_chat_template = True
        prompts: Sequence[str] = ()

        def chat(self, request: str) -> str:
            return f"<user>{request}</user>"

        def write(
            self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
        ) -> list[Writing]:
            self.prompts = prompts
            assert templated
            return super().write(prompts, max_tokens)

    class Idle(Sandbox):
        def check(self) -> None: ...

        def judge_all(self, programs: Any, workers: int | None = None) -> tuple[ProgramVerdict, ...]:
            return tuple(ProgramVerdict(ending="failed") for _ in programs)

    made = task(sandbox=Idle(), chat=True, turn=humaneval_turn)
    reader = Chatting([" return 1"])
    made.score(reader, 0, 1)  # pyright: ignore[reportArgumentType]
    code = "```python\ndef times(n):  # 0\n"
    words = "Write a solution to the following problem and make sure that it passes the tests:\n"
    assert reader.prompts == [f"<user>{words}{code}```</user>Here is the completed function:\n{code}"]
    plain, chat = task(turn=humaneval_turn), task(chat=True)
    assert plain.identity == task().identity
    assert made.identity != chat.identity != plain.identity


def test_without_a_sandbox_it_is_another_task_and_says_so() -> None:
    plain, bare = task(), task(sandbox=Sandbox(walls=None))
    assert not plain.unsandboxed
    assert bare.unsandboxed
    assert bare.identity.source == "a test, programs run without a sandbox"
    assert bare.identity.id != plain.identity.id
    assert task(sandbox=Sandbox()).identity == plain.identity
    with pytest.raises(TaskError, match="-t times with --run-code-unsandboxed"):
        same_tasks([bare.identity])


def _rows(name: str) -> list[dict[str, Any]]:
    row = find_row(name)
    return read_rows(packaged_file(find_package(row.package), row.path))


@pytest.mark.real
@needs_rooms
def test_real_solutions_pass_and_prompts_alone_fail() -> None:
    """HumanEval, all of it; MBPP, all of it."""
    rows = _rows("humaneval_run")
    solutions = {row["doc"]["task_id"]: row["doc"]["canonical_solution"] for row in rows}
    exercises = humaneval(rows)
    assert len(exercises) == 164
    assert all(v.passed for v in Sandbox().judge_all([program(e, solutions[e.id]) for e in exercises]))
    assert not any(v.passed for v in Sandbox().judge_all([program(e, "") for e in exercises]))

    rows = _rows("mbpp_run")
    solutions = {str(row["doc"]["task_id"]): row["doc"]["code"] for row in rows}
    exercises = mbpp(rows)
    assert len(exercises) == 500
    assert all(v.passed for v in Sandbox().judge_all([program(e, solutions[e.id]) for e in exercises]))
    assert not any(v.passed for v in Sandbox().judge_all([program(e, "") for e in exercises]))
