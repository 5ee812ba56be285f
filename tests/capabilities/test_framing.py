import pytest

from corrie.capabilities.framing import Framing
from corrie.errors import TaskError

SHOTS = "q: a\n\n"


def test_off_changes_nothing(bigram) -> None:
    framing = Framing(chat=False)
    assert framing.context(bigram, SHOTS) == SHOTS
    assert framing.continuation(" x") == " x"
    assert framing.shared(bigram, SHOTS, [SHOTS + "more"]) == SHOTS


def test_on_the_context_is_a_turn_and_its_beginning_still_shared(bigram) -> None:
    framing = Framing(chat=True)
    contexts = [framing.context(bigram, SHOTS + end) for end in ("more", "other")]
    assert contexts[0] == "<user>q: a\n\nmore</user><assistant>"
    assert framing.shared(bigram, SHOTS, contexts) == "<user>q: a\n\n"
    assert framing.shared(bigram, "", contexts) == "<user>"


@pytest.mark.parametrize(
    ("text", "turn"), [(" Paris", "Paris"), ("    return x", "    return x"), ("x", "x"), (" ", "")]
)
def test_only_the_joining_space_goes(text: str, turn: str) -> None:
    assert Framing(chat=True).continuation(text) == turn


def test_a_template_that_rewrites_its_content_shares_nothing(bigram) -> None:
    framing = Framing(chat=True)
    bigram.chat = lambda request: f"<{len(request)}>{request}"
    contexts = [framing.context(bigram, SHOTS + end) for end in ("more", "other!")]
    assert framing.shared(bigram, SHOTS, contexts) == ""


def test_no_template_is_refused_only_where_it_is_needed(scripted) -> None:
    Framing(chat=False).check(scripted(chat=False), "math")
    Framing(chat=True).check(scripted(chat=True), "math")
    with pytest.raises(TaskError, match=r"'math'.*none.*instruct"):
        Framing(chat=True).check(scripted(chat=False), "math")
