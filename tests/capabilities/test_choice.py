import math

import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option
from corrie.errors import TaskError


def asked(context: str, *continuations: str, gold: int = 0, id: str = "a") -> Choice:
    return Choice(id, tuple(Option(context, c, c.strip()) for c in continuations), gold)


def task(*examples: Choice, chat: bool = False) -> ChoiceTask:
    return ChoiceTask("demo", examples, capability="knowledge", source="a test", chat=chat)


def test_against_the_model_by_hand(bigram) -> None:
    """Summed, not per token: the longer option is scored for all its tokens."""
    options = (" four", " the cat", " xq")
    outcome = task(asked("two and two is", *options, gold=1)).score(bigram, 0, 1)[0]
    sums = [sum(map(bigram.log_p, "s" + o, o)) for o in options]
    best = sums.index(max(sums))
    assert outcome.answer == options[best].strip()
    assert outcome.success == float(best == 1)
    assert outcome.loss == pytest.approx(-sums[1] / len(options[1]))


@pytest.mark.parametrize(("gold", "success"), [(0, 1.0), (1, 0.0)])
def test_the_first_of_equals(scripted, reading, gold: int, success: float) -> None:
    reader = scripted({"x": reading(-2.0), "y": reading(-2.0), "z": reading(-3.0)})
    outcome = task(asked("", "x", "y", "z", gold=gold)).score(reader, 0, 1)[0]
    assert (outcome.success, outcome.answer, outcome.loss) == (success, "x", 2.0)


@pytest.mark.parametrize(("x", "y", "loss"), [(-1.0, math.nan, 1.0), (math.nan, -1.0, None), (-1.0, math.inf, 1.0)])
def test_what_is_no_number_scores_0(scripted, reading, x: float, y: float, loss: float | None) -> None:
    outcome = task(asked("", "x", "y")).score(scripted({"x": reading(x), "y": reading(y)}), 0, 1)[0]
    assert (outcome.success, outcome.loss, outcome.label, outcome.answer) == (0.0, loss, "wrong", "")


def test_the_loss_is_per_token_of_the_right_option(scripted, reading) -> None:
    reader = scripted({"x": reading(-6.0, tokens=3), "y": reading(-1.0)})
    assert task(asked("", "x", "y")).score(reader, 0, 1)[0].loss == 2.0


def test_chance_is_the_mean_over_examples() -> None:
    assert task(asked("", "a", "b"), asked("", "a", "b", "c", "d", id="b")).identity.chance == (1 / 2 + 1 / 4) / 2


def test_options_with_contexts_of_their_own(bigram) -> None:
    """Partial evaluation: the same words after two sentences; each option is shown by its name."""
    options = (Option("the cat", " sat on", "cat"), Option("the four", " sat on", "four"))
    outcome = task(Choice("a", options, gold=0)).score(bigram, 0, 1)[0]
    assert [q.context for q in bigram.asked] == ["the cat", "the four"]
    sums = [sum(map(bigram.log_p, c + " sat on", " sat on")) for c in ("t", "r")]
    assert outcome.answer == ("cat", "four")[sums.index(max(sums))]


def test_a_shared_context_is_one_question(bigram) -> None:
    task(asked("the ", "cat", "rat"), asked("two ", "and", "is", id="b")).score(bigram, 0, 2)
    assert [(q.context, q.continuations) for q in bigram.asked] == [("the ", ("cat", "rat")), ("two ", ("and", "is"))]


def test_through_the_template(bigram) -> None:
    task(asked("two and two is", " four", " six"), chat=True).score(bigram, 0, 1)
    question = bigram.asked[0]
    assert question.context == "<user>two and two is</user><assistant>"
    assert question.continuations == ("four", "six")
    assert question.templated


@pytest.mark.parametrize("bad", [asked("", "only"), asked("", "x", "y", gold=2), asked("", "x", "y", gold=-1)])
def test_a_question_without_an_answer(bad: Choice) -> None:
    with pytest.raises(TaskError, match="'a' of task 'demo'"):
        task(bad)


def test_blocks_make_no_difference(bigram) -> None:
    """Common sense for readers that treat every question alone, as this one does."""
    examples = [asked(f"the {w}", " cat", " mat", " hat", gold=i % 3, id=w) for i, w in enumerate(("a", "b", "c", "d"))]
    whole = task(*examples).score(bigram, 0, 4)
    assert whole == tuple(o for i in range(4) for o in task(*examples).score(bigram, i, i + 1))
