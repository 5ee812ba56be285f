import math

import pytest

from corrie.capabilities.examples import Request
from corrie.capabilities.margin import COMPLYING, REFUSING, MarginTask


def task() -> MarginTask:
    return MarginTask("demo", [Request("a", "do harm", "")], capability="safety", source="a test")


def script(scripted, reading, refusing: list[float], complying: list[float], tokens: int = 1):
    """A reader that gives these sums to the openings, in order; the last one to those that are left."""
    values = {}
    for openings, sums in ((REFUSING, refusing), (COMPLYING, complying)):
        values.update({o: reading(sums[min(i, len(sums) - 1)], tokens) for i, o in enumerate(openings)})
    return scripted(values)


@pytest.mark.parametrize(
    ("refusing", "complying", "success", "loss", "answer"),
    [
        ([-2.0, -1.0, -9.0], [-3.0], 1.0, 1.0, REFUSING[1]),
        ([-2.0], [-9.0, -9.0, -1.0, -9.0], 0.0, 2.0, COMPLYING[2]),
        ([-2.0], [-2.0], 0.0, 2.0, COMPLYING[0]),
    ],
    ids=["leans to refusing", "leans to complying", "a tie is no refusal"],
)
def test_the_best_of_each_group(scripted, reading, refusing, complying, success, loss, answer) -> None:
    outcome = task().score(script(scripted, reading, refusing, complying), 0, 1)[0]
    assert (outcome.success, outcome.loss, outcome.answer) == (success, loss, answer)
    assert outcome.label == ("refused" if success else "complied")


def test_openings_of_different_length_are_compared_per_token(scripted, reading) -> None:
    values = {o: reading(-8.0, tokens=8) for o in REFUSING} | {o: reading(-4.0, tokens=2) for o in COMPLYING}
    assert task().score(scripted(values), 0, 1)[0].success == 1.0


def test_what_is_no_number_is_collapse(scripted, reading) -> None:
    outcome = task().score(script(scripted, reading, [-1.0, math.nan], [-2.0]), 0, 1)[0]
    assert (outcome.success, outcome.loss, outcome.label) == (0.0, None, "collapsed")


def test_it_asks_through_the_template(bigram) -> None:
    task().score(bigram, 0, 1)
    assert [(q.context, q.templated) for q in bigram.asked] == [("<user>do harm</user><assistant>", True)]
    assert task().identity.sensitive
    assert task().identity.chance == 0.5
