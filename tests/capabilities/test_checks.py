from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.capabilities.checks import CHECKS, contains, exact, final_number, number, regex


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("Paris", "Paris", True),
        (" paris. \n\nMore", "Paris", True),
        ("Paris is it", "Paris", False),
        ("", "Paris", False),
        ("a\nb\nc", "a\nb", True),
        ("a", "a\nb", False),
        ("北京", "北京", True),
    ],
)
def test_exact(text: str, answer: str, right: bool) -> None:
    assert exact(text, answer) == right


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("it is Paris, France", "paris", True),
        ("comparison", "Paris", False),
        ("4", "4", True),
        ("14", "4", False),
        ("the new\nYork", "new york", True),
        ("f(x) = x+1.", "x+1", True),
        ("the answer is (b)", "(b)", True),
    ],
)
def test_contains(text: str, answer: str, right: bool) -> None:
    assert contains(text, answer) == right


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", "4"),
        ("The answer is 4.", "4"),
        ("5 + 4 = 9. So the answer is 9. Then 10 more.", "9"),
        ("answer: 3\nno, the answer is -12", "-12"),
        ("#### 1,234", "1234"),
        ("\\boxed{42}", "42"),
        ("It costs $18.50", "18.50"),
        ("x2 + 3", "3"),
        ("−7", "-7"),
        ("first 1, then 2, at last .5", ".5"),
        ("The answer is unknown, say 8 or 9", "8"),
        ("version 1.2.3", "1.2"),
        ("seven", None),
        ("", None),
    ],
)
def test_the_number_a_text_arrives_at(text: str, value: str | None) -> None:
    assert final_number(text) == (None if value is None else Decimal(value))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_any_number_is_read_back(value: Decimal) -> None:
    assert final_number(f"So the answer is {value:,f}.") == value


def test_numbers_are_compared_as_numbers() -> None:
    assert number("18.00", "18")
    assert not number("180", "18")
    assert not number("none", "18")


def test_regex() -> None:
    assert regex("on 2024-05-01", r"\d{4}-\d\d")
    assert not regex("on May 1st", r"\d{4}-\d\d")


def test_every_check_accepts_the_answer_itself() -> None:
    assert all(check("42", "42") for check in CHECKS.values())
