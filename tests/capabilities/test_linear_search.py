import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrie.capabilities.linear_search import LinearSearch
from corrie.errors import InputError

ATOMS = [
    *("a", "b", "A", ".", r"\w", r"\d", "[ab]", "[^a]", r"\b", r"\B", "^", "$", r"\Z", "(?i:A)", "(?s:.)", "é", r"\s"),
    *("(?=a)", "(?!b)", "(?<=a)", "(?<!ab)", "(?:)", "|", "(", "(?:", ")", "*", "+", "?", "*?", "{0,2}", "{2}", "{1,}"),
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["", "(?i)", "(?m)", "(?s)"]),
    st.lists(st.sampled_from(ATOMS), min_size=1, max_size=8),
    st.lists(st.text("aabAB1 \né", max_size=8), min_size=3, max_size=3),
)
def test_it_answers_as_re_does(flags: str, atoms: list[str], texts: list[str]) -> None:
    pattern = flags + "".join(atoms)
    try:
        wanted = re.compile(pattern)
        search = LinearSearch(pattern)
    except (re.error, InputError):
        return
    assert [search(t) for t in texts] == [wanted.search(t) is not None for t in texts]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\b42\b", "It is 42.", True),
        (r"(?<!\w)42(?!\w)", "1422", False),
        (r"\b\d{1,2}:\d\d\b", "at 9:30 now", True),
        (r"(?i)paris|rome", "In ROME", True),
        (r"(?m)^\d+$", "x\n12\n", True),
        (r"^\d+$", "x\n12\n", False),
        ("", "", True),
        ("日.", "今日は", True),
    ],
)
def test_known_answers(pattern: str, text: str, found: bool) -> None:
    assert LinearSearch(pattern)(text) == found == (re.search(pattern, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 2000 + "b"),
        ("(a|a)*b", "a" * 2000),
        (".*.*.*.*.*x", "a" * 1000),
        ("(a*)*(a*)*b", "a" * 1000),
        ("(?=(a+)+$)b", "a" * 100 + "c"),
        ("a{1,1000}b", "a" * 1000),
    ],
)
def test_what_would_take_re_ages(pattern: str, text: str) -> None:
    assert not LinearSearch(pattern)(text)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "it is none"),
        (r"(a)\1", "more than linear time"),
        ("(?>a)", "more than linear time"),
        ("a++", "more than linear time"),
        ("(a)?(?(1)b|c)", "more than linear time"),
        ("(a{999}){999}", "states"),
        ("a{5001,}", "states"),
        ("a{99999999999}", "it is none"),
        ("(?<=a+)b", "it is none"),
        ("(" * 2000 + ")" * 2000, "it is none|states"),
        ("x" * 6000, "6000 characters"),
    ],
)
def test_what_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        LinearSearch(pattern)
    assert error.value.advice
