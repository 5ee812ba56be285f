from os.path import commonprefix

from hypothesis import given
from hypothesis import strategies as st

from corrie.capabilities.prefix import common_beginning, shared_beginning

SHOTS = "Question: a?\nAnswer: b\n\nQuestion: c?\nAnswer: d\n\n"


def test_the_worked_examples_are_shared() -> None:
    assert shared_beginning([SHOTS + "Question: e?", SHOTS + "Question: f?"]) == SHOTS


def test_a_line_will_do_where_there_is_no_paragraph() -> None:
    assert shared_beginning(["Instruction\nfirst", "Instruction\nsecond"]) == "Instruction\n"


def test_every_context_keeps_something_of_its_own() -> None:
    assert shared_beginning([SHOTS, SHOTS + "more"]) == "Question: a?\nAnswer: b\n\n"
    assert shared_beginning(["one line\n"]) == ""


def test_nothing_to_share() -> None:
    assert shared_beginning([]) == shared_beginning(["", "a\nb"]) == shared_beginning(["a\nb", "c\nd"]) == ""


@given(st.lists(st.text("ab\n", max_size=12), min_size=1, max_size=6))
def test_against_all_cuts_tried(contexts: list[str]) -> None:
    common = commonprefix(contexts)[: min(map(len, contexts)) - 1] if min(map(len, contexts)) else ""  # noqa: RUF071
    cuts = [common[:i] for i in range(1, len(common) + 1)]
    paragraphs = [c for c in cuts if c.endswith("\n\n")]
    lines = [c for c in cuts if c.endswith("\n")]
    assert shared_beginning(contexts) == max(paragraphs or lines, key=len, default="")


@given(st.text("ab"), st.text("ab"))
def test_common_beginning(a: str, b: str) -> None:
    assert common_beginning(a, b) == commonprefix([a, b])  # noqa: RUF071
