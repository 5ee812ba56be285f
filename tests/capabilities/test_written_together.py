"""Who is written with whom does not depend on what is asked for."""

import pickle
from collections.abc import Sequence
from functools import cache

import pytest
import torch

from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.written_together import WrittenTogether, together
from corrie.errors import InputError
from corrie.models.reading import Question, Reading, Writing
from corrie.models.stops import Stops
from corrie.testing.check_task import check_task
from corrie.testing.toy_models import Architecture, toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing


@cache
def written(size: int) -> GenerateTask:
    return toy_writing(size=size)


class Crowd:
    """A reader whose every text says how many prompts came with it, and which was the first."""

    has_chat_template = True

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.slots: int | None = None
        self.queues: list[int | None] = []

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        raise NotImplementedError

    def chat(self, request: str) -> str:
        raise NotImplementedError

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        self.batches.append(list(prompts))
        self.queues.append(self.slots)
        return [Writing(f"{len(prompts)} after {prompts[0]}", 3, True, True) for _ in prompts]


def test_an_example_is_written_in_its_own_batch_whatever_was_asked() -> None:
    task = written(25)
    rule = WrittenTogether(task, 10)
    whole = rule.score(Crowd(), 0, 25)
    assert [o.answer.split()[0] for o in whole] == ["10"] * 20 + ["5"] * 5
    for start, stop in ((0, 5), (5, 10), (7, 23), (24, 25), (20, 99)):
        assert rule.score(Crowd(), start, stop) == whole[start:stop]


def test_a_reader_writes_a_batch_once_and_another_reader_again() -> None:
    rule, reader, other = WrittenTogether(written(25), 10), Crowd(), Crowd()
    for start in (0, 5, 10, 15, 5):
        rule.score(reader, start, start + 5)
    rule.score(other, 5, 10)
    assert [len(b) for b in reader.batches] == [10, 10]
    assert [len(b) for b in other.batches] == [10]


def test_what_is_kept_goes_with_its_reader() -> None:
    rule, reader = WrittenTogether(written(25), 10), Crowd()
    rule.score(reader, 0, 5)
    assert len(rule._written) == 1
    del reader
    assert len(rule._written) == 0


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_texts_are_those_of_every_row_alone(architecture: Architecture) -> None:
    """In float64 a batch's last digits move no argmax of these models."""
    model, task = toy_model(architecture, dtype=torch.float64), written(12)
    alone = [o for i in range(12) for o in task.score(model.reader(), i, i + 1)]
    assert list(WrittenTogether(task, 8).score(model.reader(), 0, 12)) == alone
    assert len({o.answer for o in alone}) > 6


def test_the_slots_of_the_rule_hold_while_it_writes_whatever_was_asked() -> None:
    task = written(25)
    rule, plain, reader = WrittenTogether(task, 10, 4), WrittenTogether(task, 10), Crowd()
    assert rule.score(reader, 7, 12) == plain.score(Crowd(), 0, 25)[7:12]
    assert (reader.queues, reader.slots) == ([4, 4], None)
    assert [len(b) for b in reader.batches] == [10, 10]
    again = pickle.loads(pickle.dumps(rule))
    again.score(other := Crowd(), 3, 4)
    assert other.queues == [4]


def test_what_is_written_in_a_queue_is_what_each_gets_alone() -> None:
    model, task = toy_model(dtype=torch.float64), written(12)
    alone = [o for i in range(12) for o in task.score(model.reader(), i, i + 1)]
    assert list(WrittenTogether(task, 12, 5).score(model.reader(), 0, 12)) == alone


def test_it_keeps_the_law_of_tasks() -> None:
    check_task(lambda: WrittenTogether(written(12), 4))


def test_a_block_that_is_not_there_is_refused_as_ever() -> None:
    for start, stop in ((12, 14), (-1, 4), (4, 4)):
        with pytest.raises(InputError, match="no such block"):
            WrittenTogether(written(12), 4).score(Crowd(), start, stop)


def test_only_written_answers_have_a_rule() -> None:
    choice, writing = toy_choice(size=4), written(12)
    assert together(choice, 20) is choice
    assert together(writing, None) is writing
    assert isinstance(together(writing, 20), WrittenTogether)


def test_another_process_gets_the_rule_and_none_of_the_texts() -> None:
    rule = WrittenTogether(written(25), 10)
    rule.score(reader := Crowd(), 0, 5)
    again, other = pickle.loads(pickle.dumps(rule)), Crowd()
    assert again.score(other, 7, 23) == rule.score(reader, 7, 23)
    assert [len(b) for b in other.batches] == [10, 10, 5]
