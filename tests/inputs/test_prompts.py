from __future__ import annotations

import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.text import TextTask
from corrie.errors import TaskError
from corrie.inputs.prompts import Prompts
from corrie.models.model import Model

ABOUT = {"capability": "toys", "source": "a test"}


def choices(*contexts: tuple[str, str], name: str = "some") -> ChoiceTask:
    examples = [
        Choice(str(i), tuple(Option(c, f" {k}", "") for k, c in enumerate(pair)), gold=0)
        for i, pair in enumerate(contexts)
    ]
    return ChoiceTask(name, examples, **ABOUT)


def test_what_all_prompts_share_is_not_attacked(model: Model, task: ChoiceTask) -> None:
    prompts = Prompts.of(model, task, 4)
    decode = model.tokenizer.decode
    assert [decode(list(prompts.own(i))) for i in range(4)] == ["abc", "dda", "gcb", "fee"]
    assert (decode(list(prompts.kept)), prompts.before, prompts.after) == ("to: ", 4, 1)
    assert prompts.lengths == (3, 3, 3, 3)


def test_one_prompt_alone_shares_nothing(model: Model, task: ChoiceTask) -> None:
    assert Prompts.of(model, task, 1).lengths == (8,)


def test_through_the_chat_template_the_template_stays(model: Model) -> None:
    task = MarginTask("m", [Request("1", "abc", ""), Request("2", "xbcd", "")], **ABOUT)
    prompts = Prompts.of(model, task, 2)
    assert [model.tokenizer.decode(list(prompts.own(i))) for i in range(2)] == ["abc", "xbcd"]


@pytest.mark.parametrize(
    ("task", "found"),
    [
        (choices(("a:", "b:"), ("c:", "d:")), "example 1 shows its options 2 different contexts"),
        (choices(("a:", "a:"), ("a:", "a:")), "two of its examples have the same prompt"),
        (GenerateTask("g", [Request("1", "a", "b"), Request("2", "c", "d")], check="exact", **ABOUT), "model write"),
        (TextTask("t", [Target("1", "", "ab"), Target("2", "", "cd")], **ABOUT), "running text"),
    ],
)
def test_a_task_without_one_prompt_for_each_example_is_refused(model: Model, task: ChoiceTask, found: str) -> None:
    with pytest.raises(TaskError, match=found):
        Prompts.of(model, task, 2)
