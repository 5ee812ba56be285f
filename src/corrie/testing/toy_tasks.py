"""Tasks for toy models: no data, no network, and a real basin."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request
from corrie.capabilities.generation import GenerateTask
from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.testing.toy_models import toy_model

_Example = TypeVar("_Example")
_made: dict[tuple[object, ...], Sequence[Any]] = {}


def _once(model: Model, asked: tuple[object, ...], make: Callable[[], Sequence[_Example]]) -> Sequence[_Example]:
    """The examples of a task for a model, made once in a process: the same unmoved model says the same."""
    known = model.identity
    key = (known.fingerprint, known.tokenizer, known.function, model.device, *asked)
    if key not in _made:
        _made[key] = make()
    return _made[key]


def toy_choice(model: Model | None = None, size: int = 40, options: int = 4, name: str = "toy") -> ChoiceTask:
    """A choice task that a randomly initialised model masters: the right option is the one it prefers unmoved.

    Its score is 1 at θ0 and falls to chance, 1/options, as the weights are moved: a basin without any training.

    >>> print(toy_choice(size=10))
    toy: toys by choice on 10 examples of toy_choice; chance 0.25
    """
    model = model or toy_model()
    examples = _once(model, ("choice", size, options, name), lambda: _choices(model, size, options, name))
    return ChoiceTask(name, examples, capability="toys", source="toy_choice")


def _choices(model: Model, size: int, options: int, name: str) -> list[Choice]:
    dice = random.Random(name)

    def words(letters: int) -> str:
        return "".join(dice.choice("abcdefgh ") for _ in range(letters))

    shared = "these are toys\n\n"
    asked = [Question(shared + words(12) + ":", tuple(f" {words(4)}{k}" for k in range(options))) for _ in range(size)]
    examples = []
    for number, (question, readings) in enumerate(zip(asked, model.reader().read(asked, shared), strict=True)):
        liked = [r.log_likelihood for r in readings]
        shown = tuple(Option(question.context, c, c.strip()) for c in question.continuations)
        examples.append(Choice(f"toy-{number}", shown, gold=liked.index(max(liked))))
    return examples


def short_choice(model: Model | None = None) -> ChoiceTask:
    """Eight prompts ``to: xyz=`` of three own tokens each, which can be enumerated; the unmoved model is always right.

    >>> print(short_choice())
    short: toys by choice on 8 examples of short_choice; chance 0.5
    """
    model = model or toy_model()
    words = ("abc", "dda", "gcb", "fee", "hag", "bbb", "cde", "ahe")
    asked = [Question(f"to: {w}=", (" a", " b")) for w in words]
    examples = []
    for word, question, readings in zip(words, asked, model.reader().read(asked), strict=True):
        liked = [r.log_likelihood for r in readings]
        options = tuple(Option(question.context, c, c) for c in question.continuations)
        examples.append(Choice(word, options, gold=liked.index(max(liked))))
    return ChoiceTask("short", examples, capability="toys", source="short_choice")


def toy_writing(
    model: Model | None = None, size: int = 40, max_tokens: int = 8, name: str = "toy_writing"
) -> GenerateTask:
    """A task whose answers are written: prompts of unequal length; right is what the unmoved model writes.

    >>> print(toy_writing(size=10))
    toy_writing: toys by generation on 10 examples of toy_writing; chance 0
    """
    model = model or toy_model()
    asked = ("writing", size, max_tokens, name)
    examples = _once(model, asked, lambda: _requests(model, size, max_tokens, name))
    return GenerateTask(name, examples, capability="toys", source=name, check="contains", max_tokens=max_tokens)


def _requests(model: Model, size: int, max_tokens: int, name: str) -> list[Request]:
    reader = model.reader()
    dice = random.Random(name)
    prompts = ["".join(dice.choice("abcdefgh ") for _ in range(dice.randint(3, 30))) for _ in range(size)]
    texts = [reader.write([prompt], max_tokens)[0].text for prompt in prompts]
    return [
        Request(f"{name}-{number}", prompt, text.strip())
        for number, (prompt, text) in enumerate(zip(prompts, texts, strict=True))
    ]


def save_toy_task(file: Path, model: Model | None = None, size: int = 40, options: int = 4) -> Path:
    """The same as a user's JSONL file."""
    import json

    task = toy_choice(model, size, options)
    with file.open("w", encoding="utf-8") as stream:
        for example in task.examples:
            row = {
                "id": example.id,
                "prompt": example.options[0].context,
                "choices": [o.continuation for o in example.options],
                "answer": example.gold,
            }
            stream.write(json.dumps(row) + "\n")
    return file
