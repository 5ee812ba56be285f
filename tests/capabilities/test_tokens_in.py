"""How much work a block is, against a count by hand."""

import pytest

from corrie.capabilities.agreement import AgreementTask
from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.task import Task
from corrie.capabilities.text import TextTask
from corrie.capabilities.tokens_in import tokens_in
from corrie.testing.toy_models import toy_model

ABOUT = {"capability": "counting", "source": "here"}
TEXTS = [Target("1", "", "abcd"), Target("2", "", "abXY")]
OPTIONS = (Option("abc", "d", "d"), Option("abc", "e", "e"))


@pytest.mark.parametrize(
    ("task", "tokens"),
    [
        (TextTask("text", TEXTS, **ABOUT), 5),  # the beginning, a b c and X: a text's last byte is read by nobody
        (AgreementTask("agreement", TEXTS, **ABOUT), 5),
        (ChoiceTask("choice", [Choice("1", OPTIONS, 0)], **ABOUT), 3),
        (
            GenerateTask("written", [Request("1", "abc", "d")], check="exact", max_tokens=2, stops=(), **ABOUT),
            3 + 2 * 26,
        ),
    ],
)
def test_each_token_counts_once(task: Task, tokens: int) -> None:
    assert tokens_in(task, toy_model().encoder, task.identity.size) == tokens
