"""A toy model and short questions of three own tokens each, which can be enumerated."""

from __future__ import annotations

import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option
from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.testing.toy_models import toy_model

WORDS = ("abc", "dda", "gcb", "fee", "hag", "bbb", "cde", "ahe")


@pytest.fixture(scope="session")
def model() -> Model:
    return toy_model()


def short_task(model: Model, size: int = 8) -> ChoiceTask:
    """Prompts "to: xyz=" with two options, of which the unmoved model's own choice is right."""
    asked = [Question(f"to: {w}=", (" a", " b")) for w in WORDS[:size]]
    examples = []
    for word, question, readings in zip(WORDS, asked, model.reader().read(asked), strict=False):
        liked = [r.log_likelihood for r in readings]
        options = tuple(Option(question.context, c, c) for c in question.continuations)
        examples.append(Choice(word, options, gold=liked.index(max(liked))))
    return ChoiceTask("short", examples, capability="toys", source="a test")


@pytest.fixture(scope="session")
def task(model: Model) -> ChoiceTask:
    return short_task(model)
