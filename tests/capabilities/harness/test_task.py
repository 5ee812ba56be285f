"""Scores and decisions are the harness's own, on the same weights and documents."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corrie.capabilities.harness.asked import HarnessAsked
from corrie.capabilities.harness.making import harness_task
from corrie.models.model import Model
from corrie.testing.check_task import check_task
from corrie.testing.toy_models import byte_tokenizer, toy_model, toy_module

from .conftest import CHOICE, TaskFolder, mean

pytestmark = pytest.mark.real
"""Importing the harness takes some seconds; every test after that is quick."""

BY_ACC = {"metric_list": [mean("acc"), mean("acc_norm")]}
WRITE = {
    "output_type": "generate_until",
    "doc_to_text": "Q: {{question}}\nA:",
    "doc_to_target": "{{number}}",
    "metric_list": [mean("exact_match")],
    "generation_kwargs": {"until": ["\n\n", "e"], "max_gen_toks": 12, "do_sample": False},
}
CODE = """
import math, random

def shuffled(doc, dice):
    order = [0, 1, 2]
    dice.shuffle(order)
    return {"options": [doc["options"][i] for i in order], "gold": order.index(doc["gold"])}

def prepared(docs):
    return docs.map(lambda doc: shuffled(doc, random.Random(doc["question"])))

def drawn(docs):
    return docs.map(lambda doc: shuffled(doc, random), load_from_cache_file=False)

def likely(doc, results):
    (log_likelihood,) = results
    return {"per_byte": math.exp(log_likelihood / len(doc["text"].encode()))}

def share(doc, results):
    text = results[0]
    return {"share": sum(letter in "abcdefgh " for letter in text) / max(1, len(text))}
"""
ROLLING = {
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{text}}",
    "metric_list": [mean("per_byte")],
}


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    """The same weights behind the harness's own model class. (It takes half a minute to describe the machine.)"""
    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluator, "add_env_info", lambda storage: None)
        patch.setattr(evaluator, "get_git_commit_hash", lambda: None)
        yield HFLM(pretrained=toy_module(), tokenizer=byte_tokenizer(), batch_size=4, max_length=1024)


def evaluated(theirs: Any, asked: str, include: Path | None = None, **how: Any) -> dict[str, Any]:
    """What the harness itself finds. (Its index of its own tasks takes it half a minute, and is of no use here.)"""
    import lm_eval
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(include) if include else None, include_defaults=False)
    file = HarnessAsked.parse(asked).name
    return lm_eval.simple_evaluate(theirs, tasks=[file], task_manager=manager, bootstrap_iters=0, **how)


def assert_equal(theirs: Any, model: Model, asked: str, score: str, *, trust: bool = False, **how: Any) -> None:
    """Mean and every decision, to 1e-4."""
    metric, filter = score.split(",")
    found = evaluated(theirs, asked, **how)
    task = harness_task(asked, trust=trust, chat=bool(how))
    outcomes = {o.id: o for o in task.score(model.reader(), 0, task.identity.size)}
    title = task.identity.name.removeprefix("lm_eval:").partition("@")[0]
    results = {**found["results"], **found.get("groups", {})}[title]
    assert len(outcomes) == results.get("sample_len", 12)
    scores = [o.success for o in outcomes.values() if o.success is not None]
    assert math.fsum(scores) / len(scores) == pytest.approx(results[score], abs=1e-4)
    for name, samples in found["samples"].items():
        prefix = f"{name}:" if len(found["samples"]) > 1 else ""
        for sample in (s for s in samples if s["filter"] == filter):
            assert outcomes[f"{prefix}{sample['doc_id']}"].success == pytest.approx(sample[metric], abs=1e-4)


def test_choice(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    asked = tasks_in.task("options", **CHOICE, **BY_ACC)
    assert_equal(theirs, model, asked, "acc,none")
    assert_equal(theirs, model, f"{asked}@acc_norm", "acc_norm,none")
    assert harness_task(asked).identity.chance == pytest.approx(1 / 3)


def test_losses_are_those_of_the_right_option(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    asked = tasks_in.task("options", **CHOICE, **BY_ACC)
    outcomes = {o.id: o for o in harness_task(asked).score(model.reader(), 0, 12)}
    for sample in evaluated(theirs, asked)["samples"]["options"]:
        (log_likelihood, _), right = sample["filtered_resps"][sample["target"]], sample["doc"]["answer"]
        tokens = len(f" {right}")  # of a byte each
        assert outcomes[str(sample["doc_id"])].loss == pytest.approx(-log_likelihood / tokens, abs=1e-4)


def test_few_shot_examples_are_the_same(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    shots = {"num_fewshot": 2, "fewshot_split": "train", "training_split": "train", "description": "Toys.\n\n"}
    asked = tasks_in.task("shots", **CHOICE, **BY_ACC, **shots)
    assert_equal(theirs, model, asked, "acc,none")
    task = harness_task(asked)
    prompts = {s["doc_id"]: s["arguments"][0][0] for s in evaluated(theirs, asked)["samples"]["shots"]}
    assert {int(e.id): e.requests[0][0] for e in task.examples} == prompts


def test_options_in_the_context(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    partial = {**CHOICE, "doc_to_text": "gold", "doc_to_choice": "both", "doc_to_target": "{{number}} sat"}
    assert_equal(theirs, model, tasks_in.task("partial", **partial, **BY_ACC), "acc,none")


def test_options_without_their_question(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    asked = tasks_in.task("mutual", **CHOICE, metric_list=[mean("acc_mutual_info"), mean("acc")])
    assert_equal(theirs, model, asked, "acc_mutual_info,none")
    assert harness_task(asked).identity.chance == pytest.approx(1 / 3)


def test_through_the_chat_template(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    asked = tasks_in.task("options", **CHOICE, **BY_ACC)
    assert_equal(theirs, model, asked, "acc,none", apply_chat_template=True)
    writing = tasks_in.task("writing", **WRITE)
    assert_equal(theirs, model, writing, "exact_match,none", apply_chat_template=True)


def test_likelihood(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    written = {"doc_to_text": "{{question}} ", "doc_to_target": "{{answer}}", "output_type": "loglikelihood"}
    asked = tasks_in.task("word", **written, metric_list=[{"metric": "perplexity"}, mean("acc")])
    assert_equal(theirs, model, asked, "acc,none")
    outcomes = {o.id: o for o in harness_task(asked).score(model.reader(), 0, 12)}
    for sample in evaluated(theirs, asked)["samples"]["word"]:
        tokens = len(f" {sample['doc']['answer']}")
        assert outcomes[str(sample["doc_id"])].loss == pytest.approx(-sample["perplexity"] / tokens, abs=1e-4)


def test_rolling_likelihood(tasks_in: TaskFolder, model: Model, theirs: Any, function: Callable[[str], Any]) -> None:
    tasks_in.code(CODE)
    asked = tasks_in.task("story", **ROLLING, process_results=function("own_code.likely"))
    assert_equal(theirs, model, asked, "per_byte,none", trust=True)
    assert harness_task(asked, trust=True).identity.scoring == "text"


def test_writing_with_filters(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    reader = model.reader()
    filters = [
        {
            "name": "strict",
            "filter": [{"function": "regex", "regex_pattern": "#### ([0-9]+)"}, {"function": "take_first"}],
        },
        {"name": "letter", "filter": [{"function": "regex", "regex_pattern": "([a-z])"}, {"function": "take_first"}]},
    ]
    asked = tasks_in.task("writing", **{**WRITE, "doc_to_target": "{{'a'}}"}, filter_list=filters)
    assert_equal(theirs, model, asked, "exact_match,strict")
    assert_equal(theirs, model, f"{asked}@letter", "exact_match,letter")
    task = harness_task(f"{asked}@letter")
    texts = {o.id: o.answer for o in task.score(reader, 0, 12)}
    samples = [s for s in evaluated(theirs, asked)["samples"]["writing"] if s["filter"] == "letter"]
    assert {str(s["doc_id"]): s["resps"][0][0] for s in samples} == texts
    assert len(set(texts.values())) > 1


def test_code_of_a_folder(tasks_in: TaskFolder, model: Model, theirs: Any, function: Callable[[str], Any]) -> None:
    tasks_in.code(CODE)
    choice = tasks_in.task("shuffled", **CHOICE, **BY_ACC, process_docs=function("own_code.prepared"))
    assert_equal(theirs, model, choice, "acc,none", trust=True)
    share = {**WRITE, "metric_list": [mean("share")], "process_results": function("own_code.share")}
    writing = tasks_in.task("share", **share)
    assert_equal(theirs, model, writing, "share,none", trust=True)


def test_code_that_draws_is_the_same_task_every_time(tasks_in: TaskFolder, function: Callable[[str], Any]) -> None:
    tasks_in.code(CODE)
    asked = tasks_in.task("drawn", **CHOICE, **BY_ACC, process_docs=function("own_code.drawn"))
    state = random.getstate()
    first = harness_task(asked, trust=True).identity
    assert random.getstate() == state
    random.random()
    assert harness_task(asked, trust=True).identity == first


def test_a_group_is_the_mean_over_its_documents(tasks_in: TaskFolder, model: Model, theirs: Any) -> None:
    tasks_in.task("first", **CHOICE, **BY_ACC)
    tasks_in.task("second", **{**CHOICE, "doc_to_text": "{{question}}?", "test_split": "train"}, **BY_ACC)
    asked = tasks_in.file("all", group="both", task=["first", "second"], aggregate_metric_list=[{"metric": "acc_norm"}])
    task = harness_task(asked)
    found = evaluated(theirs, "lm_eval:both", include=tasks_in.folder)["results"]
    outcomes = task.score(model.reader(), 0, 16)
    assert task.identity.size == 16
    assert math.fsum(o.success or 0 for o in outcomes) / 16 == pytest.approx(found["both"]["acc_norm,none"], abs=1e-4)
    assert {o.id.partition(":")[0] for o in outcomes[:6]} == {"first", "second"}  # a limit meets both


@pytest.mark.parametrize("kind", ["choice", "writing"])
def test_it_keeps_the_law_of_tasks(tasks_in: TaskFolder, kind: str) -> None:
    asked = tasks_in.task("lawful", **({**CHOICE, **BY_ACC} if kind == "choice" else WRITE))
    check_task(lambda: harness_task(asked), toy_model().reader)


def test_nothing_stays_for_the_next_point(tasks_in: TaskFolder, model: Model) -> None:
    task = harness_task(tasks_in.task("writing", **WRITE))
    other = toy_model(seed=1)
    first = task.score(model.reader(), 0, 12)
    assert task.score(other.reader(), 0, 12) != first
    assert task.score(model.reader(), 0, 12) == first
