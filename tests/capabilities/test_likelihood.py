import math

import pytest

from corrie.capabilities.examples import Target
from corrie.capabilities.likelihood import LikelihoodTask


def task(*examples: Target, chat: bool = False) -> LikelihoodTask:
    return LikelihoodTask("demo", examples, capability="language", source="a test", chat=chat)


def test_against_the_model_by_hand(bigram) -> None:
    """After h comes e, after e a space, after a space t, likelier than anything else; c after a space does not."""
    right, wrong = task(Target("a", "on th", "e t"), Target("b", "on the", " cat")).score(bigram, 0, 2)
    assert (right.id, right.success, right.label) == ("a", 1.0, "right")
    assert (wrong.id, wrong.success, wrong.label) == ("b", 0.0, "wrong")
    log_p = bigram.log_p
    assert right.loss == pytest.approx(-(log_p("h", "e") + log_p("e", " ") + log_p(" ", "t")) / 3)
    assert wrong.loss == pytest.approx(-(log_p("e", " ") + log_p(" ", "c") + log_p("c", "a") + log_p("a", "t")) / 4)
    assert right.answer == "e t"
    assert wrong.answer[:2] == " t"


def test_success_is_what_greedy_decoding_would_write(bigram) -> None:
    for target in ("on the", "at. the", "he t", "x", " the t"):
        outcome = task(Target("a", "the cat ", target)).score(bigram, 0, 1)[0]
        written = bigram.write(["the cat "], len(target))[0].text
        assert outcome.success == float(written == target)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_scores_0(scripted, reading, value: float) -> None:
    outcome = task(Target("a", "x", "y")).score(scripted({"y": reading(value, tokens=1, greedy=1)}), 0, 1)[0]
    assert (outcome.success, outcome.loss, outcome.label) == (0.0, None, "wrong")


def test_nothing_to_read_is_unscored(scripted, reading) -> None:
    outcome = task(Target("a", "x", "y")).score(scripted({"y": reading(0.0, tokens=0)}), 0, 1)[0]
    assert (outcome.success, outcome.loss, outcome.label) == (None, None, "unscored")


def test_the_worked_examples_are_given_as_shared(bigram) -> None:
    shots = "the cat\n\n"
    examples = [Target("a", shots + "the r", "at"), Target("b", shots + "the m", "at")]
    task(*examples).score(bigram, 0, 1)
    task(*examples, chat=True).score(bigram, 0, 1)
    assert bigram.shared == [shots, "<user>" + shots]


def test_through_the_template(bigram) -> None:
    task(Target("a", "two and two is", " four"), chat=True).score(bigram, 0, 1)
    question = bigram.asked[0]
    assert question.context == "<user>two and two is</user><assistant>"
    assert question.continuations == ("four",)
    assert question.templated
