import math
from itertools import pairwise

import pytest

from corrie.capabilities.examples import Target
from corrie.capabilities.text import TextTask
from corrie.errors import InputError


def task(*examples: Target, chat: bool = False) -> TextTask:
    return TextTask("demo", examples, capability="language", source="a test", chat=chat)


def test_the_share_of_greedy_tokens_by_hand(bigram) -> None:
    text = "the mat"
    outcome = task(Target("a", "", text)).score(bigram, 0, 1)[0]
    hits = [bigram.next(a) == b for a, b in pairwise(text)]
    assert 0 < sum(hits) < len(hits)
    assert outcome.success == sum(hits) / 6
    assert outcome.loss == pytest.approx(-sum(map(bigram.log_p, text, text[1:])) / 6)
    assert outcome.label == "wrong"


def test_all_of_them_is_right(bigram) -> None:
    outcome = task(Target("a", "on th", "e t")).score(bigram, 0, 1)[0]
    assert (outcome.success, outcome.label) == (1.0, "right")


def test_what_is_no_number_scores_0(scripted, reading) -> None:
    outcome = task(Target("a", "", "y")).score(scripted({"y": reading(math.nan, tokens=4, greedy=3)}), 0, 1)[0]
    assert (outcome.success, outcome.loss, outcome.label) == (0.0, None, "wrong")


def test_one_token_alone_is_unscored(scripted, reading) -> None:
    outcome = task(Target("a", "", "y")).score(scripted({"y": reading(0.0, tokens=0)}), 0, 1)[0]
    assert (outcome.success, outcome.label) == (None, "unscored")


def test_running_text_is_nobodys_turn(bigram) -> None:
    with pytest.raises(InputError, match="nobody's turn"):
        task(Target("a", "", "once upon a time"), chat=True)
    task(Target("a", "a problem", "a solution"), chat=True).score(bigram, 0, 1)
