"""Every kind of IFEval's checks, with a text that follows it and one that does not, judged by hand."""

import json
import random
from collections import Counter

import pytest

from corrie.capabilities import extra, instructions
from corrie.capabilities.instructions import Instructed, InstructionTask, followed, instructed
from corrie.capabilities.registry import tasks
from corrie.errors import InputError

ENGLISH = "the weather is very nice today and we would like to go for a long walk in the park with our friends"

KINDS: list[tuple[str, dict, str, str]] = [
    ("punctuation:no_comma", {}, "One and two.", "One, two."),
    ("length_constraints:number_words", {"relation": "at least", "num_words": 3}, "one two three", "one two"),
    ("length_constraints:number_words", {"relation": "less than", "num_words": 3}, "one two", "one two three"),
    (
        "length_constraints:number_sentences",
        {"relation": "at least", "num_sentences": 2},
        "I met Mrs. Smith. She sang.",
        "I met Mrs. Smith, who sang.",
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["rain"]}, "It snows. A train.", "It will Rain."),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        "*one* and **two**",
        "*one* and two",
    ),
    (
        "keywords:frequency",
        {"relation": "at least", "keyword": "sun", "frequency": 2},
        "sun and Sun",
        "sun and moon",
    ),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it."}, "Say it. Yes.", "Yes."),
    ("startend:quotation", {}, ' "quoted" ', 'not "quoted"'),
    ("change_case:english_lowercase", {}, ENGLISH, ENGLISH.capitalize()),
    ("change_case:english_capital", {}, ENGLISH.upper(), ENGLISH),
    ("keywords:existence", {"keywords": ["sun", "moon"]}, "The Sun and the moon", "The sun"),
    ("detectable_format:title", {}, "<<On rain>>\nIt rains.", "# On rain"),
    (
        "keywords:letter_frequency",
        {"let_relation": "at least", "letter": "z", "let_frequency": 2},
        "Zigzag",
        "zoo",
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n* b", "* a\n* b\n* c"),
    ("language:response_language", {"language": "de"}, "Das Wetter ist heute sehr schön und wir gehen.", ENGLISH),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name] of [town]", "[name] of it"),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "one\n***\ntwo", "one\n\ntwo"),
    ("startend:end_checker", {"end_phrase": "Is that all?"}, "No. Is that all?", "Is that all? Yes"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\nP.S. I sang.", "Bye."),
    (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
        "I am NOT here NOW",
        "am NOT here",
    ),
    ("combination:two_responses", {}, "one\n******\ntwo", "one\n\ntwo"),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\none\nSection 2\ntwo",
        "Section 1\none",
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        "First it rained.\n\nThen it snowed.",
        "First it rained.\n\nIt snowed then.",
    ),
    ("detectable_format:constrained_response", {}, "My answer is maybe.", "Perhaps."),
]


def asked(*kinds: tuple[str, dict]) -> Instructed:
    return Instructed("1", "Write.", tuple((name, json.dumps(terms)) for name, terms in kinds))


@pytest.mark.real
@pytest.mark.parametrize(("name", "terms", "does", "does_not"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_kind(name: str, terms: dict, does: str, does_not: str) -> None:
    request = asked((name, terms))
    assert followed(request, does) == (True,)
    assert followed(request, does_not) == (False,)
    assert followed(request, " ") == (False,)


@pytest.mark.real
def test_a_verdict_is_a_function_of_the_text_and_touches_no_generator() -> None:
    request = asked(("language:response_language", {"language": "en"}), ("combination:two_responses", {}))
    random.seed(3)
    state = random.getstate()
    told = {followed(request, "no idea, nein, non, ja ja oui yes") for _ in range(8)}
    assert len(told) == 1
    assert random.getstate() == state


def test_requests_whose_check_is_a_matter_of_luck_are_left_out() -> None:
    line = {"key": 1, "prompt": "Write.", "instruction_id_list": ["keywords:letter_frequency"]}
    terms = [{"let_relation": "at least", "letter": letter, "let_frequency": 2} for letter in "a#!Q"]
    lines = [json.dumps(line | {"key": i, "kwargs": [one]}) + "\n" for i, one in enumerate(terms)]
    assert [one.id for one in instructed([*lines, "\n"])] == ["0", "3"]


def test_all_of_them_or_none(scripted, writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "_checks", lambda: None)
    monkeypatch.setattr(instructions, "followed", lambda _, text: ("," not in text, text.startswith("<<")))
    both = (("punctuation:no_comma", "{}"), ("detectable_format:title", "{}"))
    texts = {"a": "<<Rain>> falls", "b": "<<Rain>>, it falls", "c": "la " * 30, "d": "<<Rain>> falls"}
    task = InstructionTask("t", [Instructed(p, p, both) for p in texts], capability="instructions", source="a test")
    reader = scripted(writings={p: writing(text, finite=p != "d") for p, text in texts.items()})
    task.check(reader)
    found = task.score(reader, 0, 4)
    assert [(o.success, o.label) for o in found] == [(1, "right"), (0, "wrong"), (0, "collapsed"), (0, "collapsed")]
    assert reader.limits == [1280]
    assert task.card(0).target == "punctuation:no_comma, detectable_format:title"


def test_without_the_harness_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, scripted) -> None:
    def gone(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extra, "import_module", gone)
    instructions._checks.cache_clear()
    task = InstructionTask("t", [Instructed("1", "Sing.", ())], capability="instructions", source="a test")
    with pytest.raises(InputError, match=r"lm_eval\[ifeval\] is not installed. Try: pip install 'corrie\[paper\]'"):
        task.check(scripted())


@pytest.mark.real
def test_the_real_requests() -> None:
    """Every instruction that IFEval has is checked; a prompt given back follows what it happens to follow."""
    (task,) = tasks("ifeval")
    assert isinstance(task, InstructionTask)
    assert task.identity.size == 539
    names = Counter(name for example in task.examples for name, _ in example.instructions)
    assert set(names) == {kind[0] for kind in KINDS}
    told = [followed(example, example.prompt) for example in task.examples]
    random.seed(5)
    assert told == [followed(example, example.prompt) for example in task.examples]
