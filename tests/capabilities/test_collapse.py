import inspect
import json
import random
import statistics
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.capabilities.collapse import LONGEST_UNIT, LOOP_LENGTH, LOOP_SHARE, collapse, looped_shares

TEXT = {
    "a digit": "4",
    "an operator": "+",
    "yes": "yes",
    "code": "def add(a, b):\n    return a + b\n",
    "repetitive code": "x[0] = 1\nx[1] = 2\nx[2] = 4\nx[3] = 8\nx[4] = 16\nx[5] = 32\nx[6] = 64\nx[7] = 128\n",
    "bullets": "* apples\n* pears\n* plums\n* cherries\n* grapes\n* figs",
    "numbers": ", ".join(map(str, range(1, 80))),
    "a laugh": "ha ha ha!",
    "a table": "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\nThese are numbers, two by two.",
    "a rule": "A title\n" + "=" * 24 + "\n\nAnd text.",
    "leaders": "Chapter one " + "." * 30 + " 7",
    "Chinese": "中国的首都是北京，它也是全国的政治和文化中心。",
    "Arabic with vowels": "اللُّغَةُ العَرَبِيَّةُ هِيَ أَكْثَرُ اللُّغَاتِ",
    "Thai": "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
    "Hindi": "भारत की राजधानी नई दिल्ली है।",
    "emoji": "Great job! 🎉👩‍👩‍👧‍👦🇫🇷 See you soon 👋🏽",
    "maths": "∫₀^∞ e^{−x²} dx = √π/2, α ≤ β ⇒ f(α) ≤ f(β)",
    "cut by the limit": "สวัสดี\ufffd\ufffd",
    "windows lines": "one\r\ntwo\tand three\r\n",
}

COLLAPSED = {
    "nothing": ("", "empty"),
    "white space": (" \n\t\u00a0\n", "empty"),
    "one word": ("user\n" * 16, "repetition"),
    "a fragment": ("denourefrefrefrefrefrefrefrefrefrefrefrefref", "repetition"),
    "a sentence": ("Why use commas in your sentence?\n" * 3 + "Why use", "repetition"),
    "at the end": ("I want to go " + "in Alaska " * 9, "repetition"),
    "in the middle": ("so it is " + "nor " * 12 + "but then it is not", "repetition"),
    "spaced unevenly": ("go on\n\ngo on \n go on\n\n\ngo on  go on\ngo on", "repetition"),
    "marks": ("So: " + "- " * 20, "repetition"),
    "bytes that are no characters": ("ปรด\ufffd\ufffdเร\ufffd\ufffdกข\ufffd\ufffdคง", "not text"),
    "control characters": ("a\x00b\x01c", "not text"),
    "private use": ("\ue000\ue001 and so on", "not text"),
    "half characters": ("\ud800 abc", "not text"),
    "nothing but U+FFFD": ("\ufffd\ufffd", "not text"),
}


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT.keys())
def test_text_is_text(text: str) -> None:
    assert collapse(text) is None


@pytest.mark.parametrize(("text", "why"), COLLAPSED.values(), ids=COLLAPSED.keys())
def test_collapse_is_seen(text: str, why: str) -> None:
    assert collapse(text) == why


@pytest.mark.parametrize("module", [textwrap, statistics, json.decoder], ids=lambda m: m.__name__)
def test_real_code_and_prose_is_text(module) -> None:
    source = inspect.getsource(module)
    dice = random.Random(0)
    starts = [dice.randrange(len(source) - 600) for _ in range(60)]
    assert not [source[i : i + n] for i in starts for n in (130, 600) if collapse(source[i : i + n])]


@given(st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20), st.integers(3, 9))
def test_any_unit_said_often_enough_is_repetition(unit: str, copies: int) -> None:
    copies = max(copies, -(-LOOP_LENGTH // len(unit)))
    assert collapse(unit * copies) == "repetition"


@given(st.text("ab .", max_size=60))
def test_the_looped_shares_against_every_stretch_tried(text: str) -> None:
    flat = " ".join(text.split()) + " "
    words, marks = set(), set()
    for start in range(len(flat)):
        for unit in range(1, min(LONGEST_UNIT, len(flat)) + 1):
            stop = start + unit
            while stop < len(flat) and flat[stop] == flat[stop - unit]:
                stop += 1
            if stop - start >= max(3 * unit, LOOP_LENGTH):
                said = flat[start : start + unit]
                (words if "a" in said or "b" in said else marks).update(range(start, stop))
    assert looped_shares(text) == pytest.approx((len(words) / len(flat), len(marks - words) / len(flat)))


def test_a_loop_must_be_a_third_of_the_text() -> None:
    loop = "la " * 10
    fresh = "".join(chr(0x4E00 + i) for i in range(200))
    share = (len(loop) - 1) / LOOP_SHARE
    assert collapse(fresh[: int(share - len(loop)) - 2] + " " + loop) == "repetition"
    assert collapse(fresh[: int(share - len(loop)) + 9] + " " + loop) is None


def test_a_long_text_does_not_take_for_ever() -> None:
    assert collapse(" ".join(str(i * i) for i in range(4000))) is None
