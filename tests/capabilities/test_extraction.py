"""GSM8K by the harness's own filters and metric, on hand-made texts; letters by hand."""

import random
from typing import Any

import pytest

from corrie.capabilities.extraction import gsm8k_flexible, gsm8k_strict, letter

IGNORED = [",", "\\$", "(?s).*#### ", "\\.$"]
"""Of lm-evaluation-harness's gsm8k.yaml and gsm8k-cot.yaml."""

ANSWERS = ["18", "1,800", "-3", "0.5", "$18", "70000"]

TEXTS = [
    "Janet sells 16 - 3 - 4 = 9. She makes 9 * 2 = $18 every day.\n#### 18",
    "#### 1,800\nand then #### 18",
    "#### 18.\n",
    "#### $18",
    "####18",
    "It costs $1,800.",
    "It is 18.0 in the end",
    "minus three is -3.",
    "a half, 0.5, of 18 $",
    "no number at all",
    "",
    "the end is 70,000. Or 18.50 $.",
    "3 + 4 = 7 ... 18",
    "#### -3",
]


def reference(text: str, answer: str, pattern: str, group: int) -> bool:
    """A filter of the harness, and its exact match."""
    extraction: Any = pytest.importorskip("lm_eval.filters.extraction")
    metrics: Any = pytest.importorskip("lm_eval.api.metrics")
    ((found,),) = extraction.RegexFilter(pattern, group_select=group).apply([[text]], [{}])
    scored = metrics.exact_match_fn(
        predictions=[found], references=[answer], regexes_to_ignore=IGNORED, ignore_case=True
    )
    return bool(scored["exact_match"])


def mixed(count: int) -> list[str]:
    """Texts of pieces that stand in such answers, in any order."""
    pieces = ["18", "1,800", "-3", "0.5", "$", ".", ",", " ", "\n", "#### ", "so ", "70000", "- ", "x"]
    draw = random.Random(0)
    return ["".join(draw.choices(pieces, k=draw.randint(1, 9))) for _ in range(count)]


def test_strict_is_the_harness_s_rule() -> None:
    pattern = r"#### (\-?[0-9\.\,]+)"
    cases = [(text, answer) for text in TEXTS + mixed(150) for answer in ANSWERS]
    told = [gsm8k_strict(*case) for case in cases]
    assert told == [reference(*case, pattern, 0) for case in cases]
    assert 20 < sum(told) < len(told) - 20


def test_strict_is_the_harness_s_rule_for_answers_in_words() -> None:
    """Where the number is followed by anything."""
    pattern = r"The answer is (\-?[0-9\.\,]+)."
    cases = [
        (f"{before}The answer is {said}{after}", answer)
        for before in ("", "9 * 2 = 18. ")
        for said in ("18", "1,800", "-3", "0.5", "no number")
        for after in (".", " dollars.", ".\n\nQ: 3")
        for answer in ANSWERS
    ]
    told = [gsm8k_strict(*case) for case in cases]
    assert told == [reference(*case, pattern, 0) for case in cases]
    assert any(told)


def test_strict_takes_the_whole_number_at_the_end_of_a_text() -> None:
    assert gsm8k_strict("So the answer is 18", "18")


def test_flexible_is_the_harness_s_rule() -> None:
    pattern = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
    cases = [(text, answer) for text in TEXTS + mixed(300) for answer in ANSWERS]
    told = [gsm8k_flexible(*case) for case in cases]
    assert told == [reference(*case, pattern, -1) for case in cases]
    assert 20 < sum(told) < len(told) - 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" B", "B"),
        ("b\nC", "B"),
        ("\n\nB. Paris", "B"),
        ("(C) because", "C"),
        ("**D**", "D"),
        ("D: it is", "D"),
        ("The answer is C", "C"),
        ("The correct answer is: (A) one", "A"),
        ("Answer: B", "B"),
        ("A good question", None),
        ("I think so", None),
        ("I", "I"),
        ("Paris", None),
        ("", None),
        ("The answer isn't B", None),
    ],
)
def test_letter(text: str, said: str | None) -> None:
    assert [answer for answer in "ABCDI" if letter(text, answer)] == ([] if said is None else [said])
