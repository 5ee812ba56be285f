import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.safety import RequestTask
from corrie.capabilities.text import TextTask
from corrie.errors import InputError, TaskError

TARGETS = [Target(str(i), f"the {i}", " cat") for i in range(5)]
REQUESTS = [Request(str(i), f"say {i}", str(i)) for i in range(5)]
ABOUT = {"capability": "language", "source": "a test"}


def likelihood(examples=TARGETS, **changes) -> LikelihoodTask:
    return LikelihoodTask("demo", examples, **{**ABOUT, **changes})


def generate(examples=REQUESTS, **changes) -> GenerateTask:
    return GenerateTask("demo", examples, **{**ABOUT, "check": "exact", **changes})


def choice(gold: int = 0, shown: str = "a") -> ChoiceTask:
    return ChoiceTask("demo", [Choice("1", (Option("x", " a", shown), Option("x", " b", "b")), gold)], **ABOUT)


def test_the_digest_covers_all_that_can_change_a_score() -> None:
    variants = {
        "plain": likelihood(),
        "another way to score": TextTask("demo", TARGETS, **ABOUT),
        "another order": likelihood(TARGETS[::-1]),
        "fewer examples": likelihood(TARGETS[:4]),
        "another id": likelihood([Target("x", *TARGETS[0][1:]), *TARGETS[1:]]),
        "another target": likelihood([Target("0", "the 0", " dog"), *TARGETS[1:]]),
        "through the template": likelihood(chat=True),
        "written": generate(),
        "written, checked otherwise": generate(check="contains"),
        "written, longer": generate(max_tokens=65),
        "written, cut": generate(stops=("\n",)),
        "harmful": RequestTask("demo", REQUESTS, harmful=True, **ABOUT),
        "harmless": RequestTask("demo", REQUESTS, harmful=False, **ABOUT),
        "choice": choice(),
        "another right answer": choice(gold=1),
        "shown otherwise": choice(shown="A"),
    }
    assert len({task.identity.digest for task in variants.values()}) == len(variants)


def test_the_digest_covers_nothing_else() -> None:
    assert likelihood().identity == likelihood().identity
    assert likelihood(source="elsewhere").identity.digest == likelihood().identity.digest


def test_zero_examples() -> None:
    with pytest.raises(InputError, match="zero examples"):
        likelihood([])


def test_two_examples_of_one_id() -> None:
    with pytest.raises(TaskError, match="'3' twice"):
        likelihood([*TARGETS, TARGETS[3]])


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (3, 2), (5, 9)])
def test_impossible_blocks(bigram, start: int, stop: int) -> None:
    with pytest.raises(InputError, match="no such block in 5 examples"):
        likelihood().score(bigram, start, stop)


def test_a_block_is_cut_to_the_size(bigram) -> None:
    task = likelihood()
    assert [o.id for o in task.score(bigram, 3, 99)] == ["3", "4"]


def test_a_model_without_a_template_is_refused_before_anything_is_asked(scripted) -> None:
    task = likelihood(chat=True)
    with pytest.raises(TaskError, match="chat template"):
        task.score(scripted(chat=False), 0, 1)


def test_cards_keep_the_end_of_a_long_prompt() -> None:
    task = likelihood([Target("1", "x" * 5000 + "the end", " of it")])
    card = task.card(0)
    assert card.prompt.startswith("…")
    assert card.prompt.endswith("the end")
    assert len(card.prompt) == 601
    assert card.target == "of it"


def test_harmful_prompts_are_on_no_card() -> None:
    secret = [Request("7", "something harmful", "")]
    for harmful, shown in ((True, False), (False, True)):
        task = RequestTask("demo", secret, harmful=harmful, **ABOUT)
        assert ("something harmful" in task.card(0).model_dump_json()) == shown
        assert "something harmful" not in f"{task} {task!r}"
        assert task.identity.sensitive == harmful


def test_it_says_what_it_is() -> None:
    assert str(likelihood(chat=True)) == (
        "demo: language by likelihood on 5 examples of a test, through the chat template; chance 0"
    )
