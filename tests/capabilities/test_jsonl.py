import json
import os
from pathlib import Path

import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.jsonl import jsonl_task
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.text import TextTask
from corrie.errors import InputError, TaskError

CHOICE = {"prompt": "Capital of France:", "choices": ["Paris", "Rome"], "answer": 1}
LIKELY = {"prompt": "Capital of France:", "answer": "Paris"}
WRITTEN = {"prompt": "6 × 7?", "answer": "42", "check": "number"}
EXACT_DIGEST = "35ea08055b91f63d4229401ee8877522d56b56e2c8480edac8ee19f9cd3b9c15"
TEXT = {"text": "It was the best of times."}


@pytest.fixture
def save(tmp_path: Path):
    def write(*lines: object, name: str = "mine.jsonl") -> Path:
        file = tmp_path / name
        text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
        file.write_text(text, encoding="utf-8")
        return file

    return write


def only(task):
    return task.examples[0]


def test_choices(save) -> None:
    task = jsonl_task(save(CHOICE))
    assert isinstance(task, ChoiceTask)
    options = tuple(Option("Capital of France:", f" {n}", n) for n in ("Paris", "Rome"))
    assert only(task) == Choice("1", options, 1)
    assert only(jsonl_task(save({**CHOICE, "answer": "Paris"}))).gold == 0
    identity = task.identity
    assert (identity.name, identity.capability, identity.source, identity.chance) == ("mine", "mine", "mine.jsonl", 0.5)


def test_likelihood(save) -> None:
    task = jsonl_task(save({**LIKELY, "id": "fr"}))
    assert isinstance(task, LikelihoodTask)
    assert only(task) == Target("fr", "Capital of France:", " Paris")


def test_a_number_may_be_the_answer(save) -> None:
    assert only(jsonl_task(save({"prompt": "6 × 7 =", "answer": 42}))) == Target("1", "6 × 7 =", " 42")


def test_text(save) -> None:
    task = jsonl_task(save(TEXT))
    assert isinstance(task, TextTask)
    assert only(task) == Target("1", "", "It was the best of times.")


def test_generate(save) -> None:
    task = jsonl_task(save({**WRITTEN, "max_tokens": 20}))
    assert isinstance(task, GenerateTask)
    assert only(task) == Request("1", "6 × 7?", "42")
    plain = jsonl_task(save({"prompt": "6 × 7?", "answer": "42", "generate": True}))
    exact = jsonl_task(save({"prompt": "6 × 7?", "answer": "42", "check": "exact", "max_tokens": 64}))
    assert plain.identity.digest == exact.identity.digest != task.identity.digest


@pytest.mark.parametrize(
    ("prompt", "answer", "join", "target"),
    [
        ("is", "4", None, " 4"),
        ("is ", "4", None, "4"),
        ("is", " 4", None, " 4"),
        ("is\n", "4", None, "4"),
        ("答案是", "四", "", "四"),
        ("def f(", "x)", "", "x)"),
    ],
)
def test_what_goes_between_prompt_and_answer(save, prompt, answer, join, target) -> None:
    line = {"prompt": prompt, "answer": answer} | ({} if join is None else {"join": join})
    assert only(jsonl_task(save(line))).target == target


def test_ids_blank_lines_and_a_byte_order_mark(save) -> None:
    file = save("\ufeff" + json.dumps(LIKELY), "", "  ", {**LIKELY, "id": 7})
    assert sorted(e.id for e in jsonl_task(file).examples) == ["1", "7"]


def test_the_order_is_shuffled_and_stays_when_lines_are_added(save) -> None:
    few = jsonl_task(save(*[LIKELY] * 20))
    many = jsonl_task(save(*[LIKELY] * 60))
    few_ids = [e.id for e in few.examples]
    assert few_ids != sorted(few_ids, key=int)
    assert [e.id for e in many.examples if int(e.id) <= 20] == few_ids


def test_the_digest_is_of_the_content(save) -> None:
    one = jsonl_task(save(LIKELY)).identity
    assert one.digest == jsonl_task(save(LIKELY, name="other.jsonl")).identity.digest
    assert one.digest != jsonl_task(save({**LIKELY, "answer": "Rome"})).identity.digest
    assert one.digest != jsonl_task(save(LIKELY), chat=True).identity.digest


BAD = {
    "not JSON": ('{"prompt": "x", ', "mine.jsonl:1: not JSON"),
    "not an object": ("[1, 2]", "not an object"),
    "nested without end": ("[" * 200_000, "nested too deeply"),
    "one key twice": ('{"prompt": "x", "prompt": "y", "answer": "z"}', "one key twice"),
    "half a character": ('{"text": "\\ud800"}', "half a character"),
    "a wrong key": ({"prompt": "x", "anwser": "y"}, "unknown key 'anwser'.*Try: 'answer'"),
    "a key far from any": ({"text": "x", "zzzzzz": 1}, "unknown key 'zzzzzz'.*one of answer, "),
    "no answer": ({"prompt": "x"}, "no 'answer'"),
    "no prompt": ({"answer": "x"}, "no 'prompt'"),
    "nothing": ({}, "no 'answer'"),
    "keys of another kind": ({"text": "x", "answer": "y"}, "'answer' on a line of kind text"),
    "an empty prompt": ({**LIKELY, "prompt": " "}, "'prompt' is no text"),
    "an empty answer": ({**LIKELY, "answer": ""}, "'answer' is no text"),
    "an answer that is a list": ({**LIKELY, "answer": ["Paris"]}, "'answer' is no text"),
    "an answer that is true": ({**LIKELY, "answer": True}, "'answer' is no text"),
    "one choice": ({**CHOICE, "choices": ["Paris"]}, "list of two texts or more"),
    "choices that are no texts": ({**CHOICE, "choices": ["a", 1]}, "list of two texts or more"),
    "choices in one text": ({**CHOICE, "choices": "ab"}, "list of two texts or more"),
    "the same choice twice": ({**CHOICE, "choices": ["a", "b", "a"]}, "same choice twice"),
    "an answer that is no choice": ({**CHOICE, "answer": "Berlin"}, "'Berlin' is none of the 2 choices"),
    "an index too large": ({**CHOICE, "answer": 2}, "2 is none of the 2 choices"),
    "a negative index": ({**CHOICE, "answer": -1}, "-1 is none of the 2 choices"),
    "an index that is true": ({**CHOICE, "answer": True}, "True is none of the 2 choices"),
    "an unknown check": ({**WRITTEN, "check": "numbr"}, "no check named 'numbr'"),
    "a check that is a list": ({**WRITTEN, "check": ["number"]}, "no check named"),
    "no regular expression": ({**WRITTEN, "check": "regex", "answer": "("}, "no regular expression"),
    "no number": ({**WRITTEN, "answer": "many"}, "'many' is no number"),
    "no tokens": ({**WRITTEN, "max_tokens": 0}, "max_tokens is 0"),
    "generate that is no switch": ({**WRITTEN, "generate": "yes"}, "generate is 'yes'"),
    "an id that is a list": ({**LIKELY, "id": [1]}, "neither text nor a whole number"),
    "an answer that is not a number": ('{"prompt": "x", "answer": NaN}', "NaN, which is no number"),
    "an infinite answer": ('{"prompt": "x", "answer": -Infinity, "check": "exact"}', "-Infinity, which is no number"),
    "an answer too large": ('{"prompt": "x", "answer": 1e999}', "1e999', which is too large"),
    "thousands of digits": ('{"prompt": "x", "answer": ' + "9" * 9000 + "}", "thousands of digits"),
    "an id of thousands of digits": ('{"prompt": "x", "answer": "y", "id": ' + "9" * 9000 + "}", "thousands of digits"),
    "choices that are the same when joined": (
        {**CHOICE, "choices": ["Paris", " Paris"]},
        "same once they stand behind",
    ),
    "an expression that refers back": ({**WRITTEN, "check": "regex", "answer": r"(a)\1"}, "no regular expression that"),
    "an expression without end": ({**WRITTEN, "check": "regex", "answer": "(a{999}){999}"}, "more than 5000 states"),
    "an expression of thousands": ({**WRITTEN, "check": "regex", "answer": "a" * 6000}, "6000 characters"),
    "no number but a digit": ({**WRITTEN, "answer": "x²"}, "'x²' is no number"),
    "tokens without end": ({**WRITTEN, "max_tokens": 10**30}, "a whole number from 1 to 1,000,000"),
    "a join that is no text": ({**LIKELY, "join": 3}, "'join' is no text"),
}


@pytest.mark.parametrize(("line", "words"), BAD.values(), ids=BAD.keys())
def test_bad_lines_are_named(save, line: object, words: str) -> None:
    with pytest.raises(TaskError, match=words) as error:
        jsonl_task(save(line))
    assert "mine.jsonl:1" in str(error.value)
    assert error.value.advice


def test_the_line_is_the_one_that_is_wrong(save) -> None:
    with pytest.raises(TaskError, match=r"mine.jsonl:4: no 'answer'"):
        jsonl_task(save(LIKELY, "", LIKELY, {"prompt": "x"}))


def test_all_lines_are_of_one_kind(save) -> None:
    with pytest.raises(
        TaskError, match=r"mine.jsonl:2: a line of kind text in a file whose line 1 is of kind likelihood"
    ):
        jsonl_task(save(LIKELY, TEXT))


def test_all_lines_are_checked_in_one_way(save) -> None:
    with pytest.raises(TaskError, match=r"mine.jsonl:3.*differ from those of line 1"):
        jsonl_task(save(WRITTEN, WRITTEN, {**WRITTEN, "check": "exact"}))


def test_two_lines_of_one_id(save) -> None:
    with pytest.raises(TaskError, match=r"mine.jsonl:3: the id '1', which line 1 has too"):
        jsonl_task(save(LIKELY, {**LIKELY, "id": "b"}, {**LIKELY, "id": "1"}))


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_zero_examples(save, content: str) -> None:
    with pytest.raises(InputError, match="zero examples"):
        jsonl_task(save(content))


def test_no_such_file_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        jsonl_task(tmp_path / "nowhere.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match=r"directory|denied"):
        jsonl_task(tmp_path / "folder.jsonl")


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes('{"text": "é"}'.encode("latin-1"))
    with pytest.raises(TaskError, match="UTF-8"):
        jsonl_task(tmp_path / "latin.jsonl")


def test_an_error_repeats_no_more_than_a_line_of_a_huge_value(save) -> None:
    for line in ({**LIKELY, "x" * 5000: 1}, {**LIKELY, "id": ["y"] * 5000}, {**CHOICE, "answer": "z" * 5000}):
        with pytest.raises(TaskError) as error:
            jsonl_task(save(line))
        assert len(str(error.value)) < 600


def test_choices_that_a_turn_makes_equal(save) -> None:
    file = save({**CHOICE, "choices": ["Paris", " Paris"], "join": ""})
    assert len(only(jsonl_task(file)).options) == 2
    with pytest.raises(TaskError, match="same once they stand behind"):
        jsonl_task(file, chat=True)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(InputError, match="a pipe"):
        jsonl_task(tmp_path / "pipe.jsonl")


def test_a_file_of_gigabytes(tmp_path: Path) -> None:
    with (tmp_path / "huge.jsonl").open("wb") as file:
        file.truncate(4 * 2**30)
    with pytest.raises(InputError, match="4,096 MiB"):
        jsonl_task(tmp_path / "huge.jsonl")


@pytest.mark.parametrize("name", ["a\0b.jsonl", "\udcff.jsonl", "x" * 5000 + ".jsonl"])
def test_a_name_that_no_file_has(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        jsonl_task(tmp_path / name)


def test_only_tasks_that_check_numbers_know_the_law_of_numbers(save) -> None:
    """The digest of before the law of quantities was written down."""
    written = {"prompt": "6 × 7?", "answer": "42", "check": "exact", "max_tokens": 20}
    assert jsonl_task(save(written)).identity.digest == EXACT_DIGEST


def test_text_through_the_template(save) -> None:
    with pytest.raises(InputError, match="nobody's turn"):
        jsonl_task(save(TEXT), chat=True)
