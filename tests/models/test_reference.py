import math

import pytest
import torch

from corrie.errors import TaskError
from corrie.models.encoding import Sequenced
from corrie.models.reading import Comparer, Question
from corrie.models.reference import Reference, token_differences
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.testing.toy_models import toy_model
from corrie.weights.perturbed import perturbed

TEXTS = ("Once upon a time", "2 + 2 = 4", "def f(x): return x")
QUESTIONS = [Question("", (text,)) for text in TEXTS]


def test_two_tokens_by_hand() -> None:
    p, q = (0.25, 0.75), (0.6, 0.4)
    found = token_differences(torch.tensor([p]).log(), torch.tensor([q]).log())
    assert found.divergence.item() == pytest.approx(0.25 * math.log(0.25 / 0.6) + 0.75 * math.log(0.75 / 0.4), abs=1e-6)
    assert (found.agrees.item(), found.best.item()) == (False, 0)


def test_a_token_that_is_ruled_out_adds_nothing() -> None:
    masked = torch.tensor([[0.0, 0.0, -math.inf]])
    found = token_differences(masked, torch.tensor([[0.0, 0.0, 0.0]]))
    assert found.divergence.item() == pytest.approx(math.log(1.5), abs=1e-6)
    assert token_differences(masked, masked).divergence.item() == 0.0


def test_what_is_no_number_agrees_with_nothing() -> None:
    broken = torch.full((2, 3), math.nan)
    found = token_differences(torch.zeros(2, 3), broken)
    assert not found.agrees.any()
    assert torch.isnan(found.divergence).all()
    assert not token_differences(broken, broken).agrees.any()


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_the_unmoved_model_differs_from_itself_by_nothing(architecture) -> None:
    model = toy_model(architecture)
    model.reader().remember(QUESTIONS)
    together = model.reader().differ(QUESTIONS)
    assert together == [model.reader().differ([q])[0] for q in QUESTIONS]
    for (found,) in together:
        assert found.nats == 0.0
        assert found.agreeing == found.tokens > 5


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_a_moved_model_by_a_plain_computation(architecture) -> None:
    model = toy_model(architecture)
    ids = [torch.tensor([model.sequences(q)[0].ids]) for q in QUESTIONS]
    model.reader().remember(QUESTIONS)
    with torch.no_grad():
        before = [torch.log_softmax(model.module(i).logits[0, :-1].double(), -1) for i in ids]
        with perturbed(model, Point.along(Gaussian(seed=3), 0.05)):
            after = [torch.log_softmax(model.module(i).logits[0, :-1].double(), -1) for i in ids]
            found = model.reader().differ(QUESTIONS)
    for p, q, (said,) in zip(before, after, found, strict=True):
        assert said.nats == pytest.approx(float((p.exp() * (p - q)).sum()), rel=1e-4)
        assert said.nats > 0.01
        assert said.agreeing == int((p.argmax(-1) == q.argmax(-1)).sum())
        assert said.tokens == len(p)


def test_rows_at_one_place_say_what_the_model_says() -> None:
    model = toy_model()
    model.reader().remember(QUESTIONS)
    for reader in model.row_readers(2):
        assert isinstance(reader, Comparer)
        for (found,) in reader.differ(QUESTIONS):
            assert found.nats == pytest.approx(0.0, abs=1e-6)
            assert found.agreeing == found.tokens


def test_remembered_again_it_is_the_present_model_that_counts() -> None:
    model = toy_model()
    model.reader().remember(QUESTIONS)
    with torch.no_grad():
        next(iter(model.module.parameters())).mul_(1.5)
    assert model.reader().differ(QUESTIONS)[0][0].nats > 0
    model.reader().remember(QUESTIONS)
    assert model.reader().differ(QUESTIONS)[0][0].nats == 0.0


def test_what_was_not_asked_before_is_refused() -> None:
    with pytest.raises(TaskError, match="not asked about this text before its weights were moved"):
        toy_model().reader().differ(QUESTIONS)


def test_what_is_oldest_makes_room_and_too_much_is_refused() -> None:
    reference = Reference(largest=100)
    first, second = Sequenced((1, 2), 1), Sequenced((1, 3), 1)
    reference.keep(first, torch.zeros(1, 20))
    reference.keep(second, torch.zeros(1, 20))
    assert (first in reference, second in reference, reference.size) == (False, True, 80)
    with pytest.raises(TaskError, match="more than"):
        reference.check([first, second])
