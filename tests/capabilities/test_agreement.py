from typing import Any

import pytest
import torch

from corrie.capabilities.agreement import AgreementTask, agreement_in, agreement_on
from corrie.capabilities.examples import Request, Target
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.registry import parse_task, same_tasks, tasks
from corrie.capabilities.rehearsal import remember
from corrie.errors import CorrieError, InputError, TaskError, UnknownName
from corrie.models.reading import Question
from corrie.records.direction import Gaussian, gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.scan import Scan
from corrie.testing.check_task import check_task
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import save_toy_task, toy_choice
from corrie.weights.perturbed import perturbed

TEXTS = [Target(str(i), "", f"the {animal} sat on the mat") for i, animal in enumerate(("cat", "dog", "rat", "hen"))]
ABOUT: dict[str, Any] = {"capability": "behaviour", "source": "a test"}


def task() -> AgreementTask:
    return AgreementTask("agreement", TEXTS, **ABOUT)


def test_it_keeps_the_law() -> None:
    assert len(check_task(task)) > 15


def test_score_and_loss_by_a_plain_computation() -> None:
    model, asked = toy_model(), task()
    remember(asked, model.reader(), 4)
    ids = torch.tensor([model.sequences(Question("", (TEXTS[1].target,)))[0].ids])
    with torch.no_grad():
        before = torch.log_softmax(model.module(ids).logits[0, :-1].double(), -1)
        with perturbed(model, Point.along(Gaussian(seed=1), 0.02)):
            after = torch.log_softmax(model.module(ids).logits[0, :-1].double(), -1)
            outcome = asked.score(model.reader(), 1, 2)[0]
    assert outcome.success == (before.argmax(-1) == after.argmax(-1)).double().mean()
    assert 0 < (outcome.success or 0) < 1
    assert outcome.loss == pytest.approx(float((before.exp() * (before - after)).sum(-1).mean()), rel=1e-4)
    assert outcome.label == "wrong"


def test_unmoved_it_is_1_and_0_to_the_bit_whatever_the_block() -> None:
    model, asked = toy_model("gpt2"), task()
    remember(asked, model.reader(), 4)
    for start, stop in ((0, 4), (2, 3), (1, 4)):
        for outcome in asked.score(model.reader(), start, stop):
            assert (outcome.success, outcome.loss, outcome.label) == (1.0, 0.0, "right")


def scan(store: MemoryStore | None = None, count: int = 3) -> MemoryStore:
    """A scan of agreement in a process of its own: a model that remembers nothing."""
    alpha = AlphaGrid.between(0, 0.1 if count > 1 else 0, count)
    ready = Scan.of(toy_model(), [(task(), 4)], directions=gaussian(1), alpha=alpha, block=2)
    store = store or MemoryStore(ready.identity)
    ready.run(store)
    return store


def test_a_scan_that_goes_on_in_another_process_compares_with_the_same_model() -> None:
    whole, later = scan(), scan(scan(count=1))
    assert {c.key: c for c in whole.cells()} == {c.key: c for c in later.cells()}
    scores = {c.point: [o.success or 0 for o in c.outcomes] for c in whole.cells()}
    assert scores[Point.origin().id] == [1.0, 1.0]
    assert min(s for found in scores.values() for s in found) < 1


def test_a_reader_that_cannot_compare_is_refused(bigram) -> None:
    with pytest.raises(TaskError, match="compares a moved model with the unmoved one"):
        task().score(bigram, 0, 1)


def test_the_texts_of_tasks_take_turns() -> None:
    long = [Target(str(i), f"question {i}: " * 9, " answer") for i in range(50)]
    short = [Target(str(i), f"{i} and {i} is", f" {2 * i}") for i in range(50)]
    made = agreement_on([LikelihoodTask("a", long, **ABOUT), LikelihoodTask("b", short, **ABOUT)])
    assert [e.id for e in made.examples[:4]] == ["a:0", "b:3", "a:1", "b:7"]
    assert made.examples[0].target.endswith("question 0: answer")
    assert made.examples[1].target == "0 and 0 is 0\n1 and 1 is 2\n2 and 2 is 4\n3 and 3 is 6"
    assert (made.identity.name, made.identity.capability) == ("agreement:a+b", "behaviour")
    assert all(48 <= len(e.target) <= 96 for e in made.examples)


def test_harmful_requests_are_left_out() -> None:
    terrible = MarginTask("margin", [Request("1", "something terrible " * 10, "")], **ABOUT)
    with pytest.raises(InputError, match="no text that may be shown"):
        agreement_on([terrible])
    made = agreement_on([terrible, toy_choice()])
    assert made.identity.name == "agreement:toy"
    assert not any("terrible" in e.target for e in made.examples)


def test_by_name_beside_another_task_and_again_from_what_a_run_keeps(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_toy_task(tmp_path / "toy.jsonl")
    (tmp_path / "story.txt").write_text("Once upon a time there was a model that moved. " * 9)
    agreement, toy = tasks("agreement", "toy.jsonl")
    assert [t.identity.name for t in (agreement, toy)] == ["agreement:toy", "toy"]
    assert tasks("agreement:toy.jsonl")[0].identity == agreement.identity
    (story,) = tasks("agreement:story.txt")
    assert story.identity.name == "agreement:story.txt"
    assert same_tasks([story.identity])[0].identity == story.identity


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no text in it"),
        (b"too short", "9 bytes of text"),
        (b"\xff\xfe" * 100, "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_odd_files(tmp_path, content: bytes | None, words: str) -> None:
    file = tmp_path / "odd.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CorrieError, match=words):
        agreement_in(file)


def test_an_unknown_text_is_an_unknown_task() -> None:
    with pytest.raises(UnknownName, match="knowlege"):
        tasks("agreement:knowlege")


@pytest.mark.parametrize(
    ("text", "name", "limit"),
    [
        ("agreement", "agreement", None),
        ("agreement:7", "agreement", 7),
        ("agreement:a.txt", "agreement:a.txt", None),
        ("agreement:knowledge+code:7", "agreement:knowledge+code", 7),
        ("agreement:my.jsonl", "agreement:my.jsonl", None),
    ],
)
def test_how_it_is_written(text: str, name: str, limit: int | None) -> None:
    assert parse_task(text) == (name, limit)
