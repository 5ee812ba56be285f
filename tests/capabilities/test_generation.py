import pytest

from corrie.capabilities.examples import Request
from corrie.capabilities.generation import GenerateTask
from corrie.errors import InputError


def task(*requests: Request, **how) -> GenerateTask:
    return GenerateTask("demo", requests, **{"capability": "math", "source": "a test", "check": "number", **how})


def test_what_the_model_writes_is_checked_and_kept(bigram) -> None:
    written = bigram.write(["on th"], 8)[0].text
    requests = Request("a", "on th", written), Request("b", "on th", "five")
    right, wrong = task(*requests, check="exact", max_tokens=8).score(bigram, 0, 2)
    assert (right.success, right.label, right.answer, right.loss) == (1.0, "right", written, None)
    assert (wrong.success, wrong.label, wrong.answer) == (0.0, "wrong", written)


@pytest.mark.parametrize(
    ("text", "finite", "label"),
    [
        ("42", True, "right"),
        ("43", True, "wrong"),
        ("", True, "collapsed"),
        ("42 " * 30, True, "collapsed"),
        ("42", False, "collapsed"),
    ],
)
def test_labels(scripted, writing, text: str, finite: bool, label: str) -> None:
    outcome = task(Request("a", "?", "42")).score(scripted(writings={"?": writing(text, finite)}), 0, 1)[0]
    assert (outcome.label, outcome.success) == (label, float(label == "right"))
    assert outcome.answer == text


def test_it_is_cut_before_it_is_judged(scripted, writing) -> None:
    reader = scripted(writings={"?": writing(" 42\n\nQuestion: 2 + 2?\nAnswer: 4")})
    outcome = task(Request("a", "?", "42"), stops=("\n\n", "Question:")).score(reader, 0, 1)[0]
    assert (outcome.success, outcome.answer) == (1.0, " 42")


def test_going_straight_on_to_the_next_question_is_no_answer(scripted, writing) -> None:
    reader = scripted(writings={"?": writing("\n\nQuestion: 42?")})
    assert task(Request("a", "?", "42"), stops=("Question:",)).score(reader, 0, 1)[0].label == "collapsed"


def test_the_token_limit_reaches_the_reader(scripted, writing) -> None:
    reader = scripted(writings={"?": writing("42")})
    task(Request("a", "?", "42"), max_tokens=7).score(reader, 0, 1)
    assert reader.limits == [7]
    with pytest.raises(InputError, match="nothing would be written"):
        task(Request("a", "?", "42"), max_tokens=0)
