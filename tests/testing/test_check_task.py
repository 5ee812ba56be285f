"""The suite must catch tasks that break the law: each of these breaks one sentence of it."""

import itertools
import math
import random
from functools import cache

import pytest

from corrie.capabilities.examples import Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.safety import RequestTask
from corrie.capabilities.text import TextTask
from corrie.models.model import Model
from corrie.models.reader import ModelReader
from corrie.records.cell import Outcome
from corrie.testing.check_task import check_task
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

TARGETS = [Target(str(i), f"shared\n\nthe {i} is", f" {i}") for i in range(8)]
REQUESTS = [Request(str(i), f"say {i}", str(i)) for i in range(8)]
ABOUT = {"capability": "language", "source": "a test"}
REFERENCE = LikelihoodTask("demo", TARGETS, **ABOUT)

OURS = {
    "likelihood": lambda: LikelihoodTask("demo", TARGETS, **ABOUT),
    "likelihood, as a chat": lambda: LikelihoodTask("demo", TARGETS, chat=True, **ABOUT),
    "text": lambda: TextTask("demo", [t._replace(context="") for t in TARGETS], **ABOUT),
    "choice": lambda: toy_choice(model(), size=8),
    "generation": lambda: GenerateTask("demo", REQUESTS, check="number", max_tokens=6, **ABOUT),
    "harmful requests": lambda: RequestTask("demo", REQUESTS, harmful=True, **ABOUT),
    "harmless requests": lambda: RequestTask("demo", REQUESTS, harmful=False, **ABOUT),
    "margin": lambda: MarginTask("demo", REQUESTS, **ABOUT),
}


@cache
def model() -> Model:
    return toy_model()


def reader() -> ModelReader:
    return model().reader()


@pytest.mark.parametrize("create", OURS.values(), ids=OURS.keys())
def test_our_own_tasks_keep_the_law(create) -> None:
    assert len(check_task(create, reader, examples=4)) > 12


class Plain:
    """A task of another package, written against the protocol alone, that keeps the law."""

    identity = REFERENCE.identity

    def check(self, reader) -> None:
        pass

    def score(self, reader, start, stop) -> tuple[Outcome, ...]:
        return tuple(self.outcome(i) for i in range(start, min(stop, 8)))

    def outcome(self, index: int) -> Outcome:
        return Outcome(id=str(index), success=None, label="unscored")

    def card(self, index):
        return REFERENCE.card(index)


class Reshuffled(Plain):
    made = itertools.count()

    def __init__(self) -> None:
        self.shift = next(self.made)

    def card(self, index):
        return REFERENCE.card((index + self.shift) % 8)


class Renamed(Plain):
    made = itertools.count()

    def __init__(self) -> None:
        self.identity = REFERENCE.identity.model_copy(update={"digest": str(next(self.made))})


class Short(Plain):
    def score(self, reader, start, stop):
        return super().score(reader, start, stop)[:-1]


class Backwards(Plain):
    def score(self, reader, start, stop):
        return super().score(reader, start, stop)[::-1]


class Uncut(Plain):
    def score(self, reader, start, stop):
        return tuple(self.outcome(i) for i in range(start, stop))


class Percent(Plain):
    def outcome(self, index):
        return Outcome(id=str(index), success=100.0, label="right")


class NotANumber(Plain):
    def outcome(self, index):
        return Outcome(id=str(index), success=0.0, loss=math.nan, label="wrong")


class Mislabelled(Plain):
    def outcome(self, index):
        return Outcome(id=str(index), success=None, label="wrong")


class Charitable(Plain):
    def outcome(self, index):
        return Outcome(id=str(index), success=1.0, label="collapsed")


class Deaf(Plain):
    """Succeeds whatever the model says."""

    def outcome(self, index):
        return Outcome(id=str(index), success=1.0, label="right")


class Dicing(Plain):
    def outcome(self, index):
        return Outcome(id=str(index), success=None, label="unscored", answer=str(random.random()))


class DicingQuietly(Plain):
    def outcome(self, index):
        random.random()
        return super().outcome(index)


class Counting(Plain):
    """Scores depend on the place in the block."""

    def score(self, reader, start, stop):
        return tuple(
            Outcome(id=o.id, success=0.0, loss=float(place), label="wrong")
            for place, o in enumerate(super().score(reader, start, stop))
        )


class Untold(Plain):
    """Needs a chat template, and check does not say so."""

    def score(self, reader, start, stop):
        reader.chat("hello")
        return super().score(reader, start, stop)


BROKEN = {
    Reshuffled: "examples in the same order",
    Renamed: "same identity",
    Short: "one outcome for each example",
    Backwards: "in the order of the examples",
    Uncut: "is cut there",
    Percent: "from 0 to 1",
    NotANumber: "finite number",
    Mislabelled: "labelled unscored exactly",
    Charitable: "collapsed output is no success",
    Deaf: "nothing succeeds",
    Dicing: "scored again",
    DicingQuietly: "no global random generator",
    Counting: "do not depend on the block",
    Untold: "check says which",
}


def test_a_task_that_keeps_the_law() -> None:
    check_task(Plain, reader)


@pytest.mark.parametrize(("task", "sentence"), BROKEN.items(), ids=[t.__name__ for t in BROKEN])
def test_every_breach_is_caught(task, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_task(task, reader)


def test_a_loss_made_of_no_numbers_is_caught() -> None:
    class Sums(Plain):
        def score(self, reader, start, stop):
            block = REFERENCE.score(reader, start, stop)
            return tuple(o.model_copy(update={"loss": math.nan if o.loss is None else o.loss}) for o in block)

    with pytest.raises(AssertionError, match="no loss is made of them"):
        check_task(Sums, reader)
