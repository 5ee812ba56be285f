import pytest

from corrie.capabilities.examples import Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.rehearsal import rehearse
from corrie.errors import ModelError, TaskError
from corrie.models.encoding import Encoder
from corrie.records.direction import gaussian
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.scan import Scan
from corrie.testing.toy_models import byte_tokenizer, toy_model

ABOUT = {"capability": "language", "source": "a test"}


def likely(*texts: str) -> LikelihoodTask:
    return LikelihoodTask("facts", [Target(f"e{i}", t, " b") for i, t in enumerate(texts)], **ABOUT)


def test_an_example_that_is_too_long_is_named_before_a_scan_is() -> None:
    task = likely("fine", "long " * 300)
    with pytest.raises(TaskError, match=r"example 'e1' of task 'facts': .* tokens .*the model takes 1024 at most"):
        Scan.of(toy_model(), [(task, 2)], directions=gaussian(1), alpha=AlphaGrid.between(0, 1, 2))
    rehearse(task, toy_model().encoder, 1)


def test_what_is_asked_for_is_the_whole_block() -> None:
    task = likely("fine", "long " * 300)
    with pytest.raises(TaskError, match="example 'e1'"):
        Scan.of(toy_model(), [(task, 1)], directions=gaussian(1), alpha=AlphaGrid.between(0, 1, 2), block=10)


def test_no_room_to_write() -> None:
    task = GenerateTask("sums", [Request("a", "x", "y")], check="exact", max_tokens=2000, **ABOUT)
    with pytest.raises(TaskError, match=r"example 'a' of task 'sums'.*2001 tokens"):
        rehearse(task, toy_model().encoder, 1)


def test_a_template_that_fails_on_one_request() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = (
        "{% if 'bad' in messages[0].content %}{{ raise_exception('no') }}{% endif %}x{{ messages }}"
    )
    task = LikelihoodTask("facts", [Target("1", "good", " b"), Target("2", "bad", " b")], chat=True, **ABOUT)
    with pytest.raises(TaskError, match="example '2' of task 'facts': a chat prompt: the chat template fails: no"):
        rehearse(task, Encoder(tokenizer, None), 2)


def test_a_harmful_request_is_not_shown() -> None:
    task = MarginTask("margin", [Request("1", "something terrible " * 100, "")], **ABOUT)
    with pytest.raises(TaskError, match="the model takes 1024 at most") as error:
        rehearse(task, toy_model().encoder, 1)
    assert "terrible" not in str(error.value)


def test_a_tokenizer_that_fails_is_a_models_fault() -> None:
    encoder = toy_model().encoder
    encoder.tokenizer = lambda *_, **__: 1 / 0
    with pytest.raises(ModelError, match=r"example 'e0'.*division by zero"):
        rehearse(likely("fine"), encoder, 1)
