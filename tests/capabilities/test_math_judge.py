"""The process that compares, against the library called here, and against answers that would never end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corrie.capabilities import math_judge
from corrie.capabilities.examples import Request
from corrie.capabilities.math_judge import MathJudge
from corrie.capabilities.math_task import MathTask
from corrie.capabilities.registry import tasks
from corrie.errors import InputError

CASES = [
    ("It is $\\boxed{\\frac{1}{2}}$.", "The answer is 0.5"),
    ("It is $\\boxed{\\frac{1}{2}}$.", "so \\boxed{1/2}. I hope it is correct."),
    ("It is $\\boxed{\\frac{1}{2}}$.", "\\boxed{2}"),
    ("$\\boxed{[2,5)}$", "The final answer is $[2,5)$."),
    ("$\\boxed{[2,5)}$", "The final answer is $[2,5]$."),
    ("$\\boxed{2\\sqrt{3}}$", "$\\sqrt{12}$"),
    ("$\\boxed{\\left( 3, \\frac{\\pi}{2} \\right)}$", "$(3, \\pi/2)$"),
    ("$\\boxed{x^2-1}$", "$(x-1)(x+1)$"),
    ("$\\boxed{10\\%}$", "10"),
    ("$\\boxed{7}$", "no idea"),
    ("$\\boxed{7}$", ""),
    ("$\\boxed{\\text{east}}$", "east"),
    ("$\\boxed{7}$", "\ud800 $7$"),
]


@pytest.fixture(scope="module")
def judge() -> Iterator[MathJudge]:
    """That of the process: the library takes a second to load."""
    yield math_judge.math_judge()
    math_judge.math_judge().close()


def library(right: str, written: str) -> bool:
    """As lm-evaluation-harness's minerva_math calls it."""
    found: Any = pytest.importorskip("math_verify")
    return bool(found.verify(found.parse(right), found.parse(written)))


def test_it_says_what_the_library_says(judge: MathJudge) -> None:
    told = judge.same(CASES)
    assert told == [library(*case) for case in CASES]
    assert sum(told) >= 6
    assert told[2] is told[4] is told[9] is False


def test_an_answer_that_ends_the_process_is_wrong_and_the_next_is_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import sys\nprint('ready', flush=True)\nfor line in sys.stdin:\n"
        "    if 'tower' in line:\n        raise SystemExit(1)\n    print(1, flush=True)\n"
    )
    monkeypatch.setattr(math_judge, "_CHILD", child)
    judge = MathJudge()
    assert judge.same([("7", "7"), ("7", "tower"), ("7", "7")]) == [True, False, True]
    judge.close()
    child.write_text("print('no such library')")
    with pytest.raises(InputError, match="math-verify does not start"):
        judge.same([("7", "7")])


@pytest.mark.real
def test_what_would_never_end_is_wrong_and_the_next_is_judged() -> None:
    judge = MathJudge(seconds=1)
    tower = "$" + "9^{" * 4 + "9" + "}" * 4 + "$"
    try:
        assert judge.same([("$7$", tower), ("$7$", "7")]) == [False, True]
    finally:
        judge.close()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, scripted) -> None:
    monkeypatch.setattr(math_judge, "find_spec", lambda _: None)
    task = MathTask("halves", [Request("a", "?", "$1$")], max_tokens=4, capability="math", source="a test")
    with pytest.raises(InputError, match=r"task 'halves': math-verify is not installed. Try: pip install 'corrie\[pa"):
        task.check(scripted())


@pytest.mark.usefixtures("judge")
def test_a_task(scripted, writing) -> None:
    texts = {"a": " is $0.5$\n\nProblem: $3$", "b": "one, " * 30, "c": "\\boxed{3}", "d": "$\\frac12$"}
    problems = [Request(id, id, "It is $\\boxed{\\frac{1}{2}}$.") for id in texts]
    about = {"max_tokens": 30, "stops": ("Problem:",), "capability": "math", "source": "a test"}
    task = MathTask("halves", problems, **about)
    reader = scripted(writings={p: writing(text, finite=p != "d") for p, text in texts.items()})
    assert [o.label for o in task.score(reader, 0, 4)] == ["right", "collapsed", "wrong", "collapsed"]
    assert task.card(0).target == "\\boxed{\\frac{1}{2}}$."


@pytest.mark.real
def test_every_worked_solution_of_math_500(judge: MathJudge) -> None:
    """Each solution against itself and against another's, as the library says."""
    (task,) = tasks("minerva_math_generate")
    assert isinstance(task, MathTask)
    right = [e.answer for e in task.examples]
    own = [(r, r) for r in right]
    others = list(zip(right, right[1:] + right[:1], strict=True))
    told = judge.same(own), judge.same(others)
    assert told == ([library(*pair) for pair in own], [library(*pair) for pair in others])
    assert sum(told[0]) >= 495
    assert sum(told[1]) <= 25
