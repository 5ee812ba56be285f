"""What cannot be scored is refused by name, before anything is scored or written."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from corrie.capabilities.harness.making import harness_task
from corrie.capabilities.registry import same_tasks, tasks
from corrie.cli.main import app
from corrie.errors import FetchError, InputError, TaskError, UnknownName
from corrie.sources import harness_names

from .conftest import CHOICE, TaskFolder, mean

pytestmark = pytest.mark.real
"""Importing the harness takes some seconds; every test after that is quick."""

BY_ACC = {**CHOICE, "metric_list": [mean("acc")]}
WRITE = {
    "output_type": "generate_until",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{number}}",
    "metric_list": [mean("exact_match")],
}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"among 1\d,\d+. The nearest: gsm8k.*Did you mean 'gsm8k'\?"):
        tasks("lm_eval:gsm9k")


def test_no_data_and_no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FetchError, match=r"the data of lm_eval:gsm8k: .*Try: a machine that reaches the .* hub"):
        tasks("lm_eval:gsm8k")


def test_a_harness_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness_names, "harness_version", lambda: None)
    with pytest.raises(InputError, match=r"Try: pip install 'corrie\[lm_eval\]'"):
        tasks("lm_eval:gsm8k")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match="there is no such file"):
        tasks("lm_eval:nowhere/task.yaml")


def test_code_is_asked_about_once_and_not_run_before(tasks_in: TaskFolder, function: Callable[[str], Any]) -> None:
    ran = tasks_in.folder / "it ran"
    tasks_in.code(f"open({str(ran)!r}, 'w').close()\ndef prepared(docs):\n    return docs\n")
    first = tasks_in.task("first", **BY_ACC, process_docs=function("own_code.prepared"))
    tasks_in.task("second", **BY_ACC, process_docs=function("own_code.prepared"))
    group = tasks_in.file("all", group="all_of_it", task=["first", "second"])
    with pytest.raises(TaskError, match=r"first.yaml: !function own_code.prepared. Try: .*--trust-task-code"):
        tasks(first)
    with pytest.raises(TaskError, match=r"first.yaml: .*; second.yaml: "):
        tasks(group)
    assert not ran.exists()
    (task,) = tasks(group, trust_task_code=True)
    assert task.identity.size == 24
    assert ran.exists()


def test_a_template_cannot_reach_python(tasks_in: TaskFolder) -> None:
    asked = tasks_in.task("sly", **{**BY_ACC, "doc_to_text": "{{ ''.__class__.__mro__[1].__subclasses__() }}"})
    with pytest.raises(TaskError, match="unsafe"):
        tasks(asked)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({**CHOICE, "metric_list": [{"metric": "f1"}]}, r"f1 is an aggregate of its own \(f1_score\)"),
        (
            {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}"},
            "word_perplexity is an aggregate of its own .*; byte_perplexity .*; bits_per_byte",
        ),
        ({**CHOICE, "metric_list": [mean("acc", better=False)]}, "of acc, less is better"),
        ({**CHOICE, "metric_list": [mean("likelihood")]}, "its likelihood of a document is .*, and not from 0 to 1"),
        ({**WRITE, "generation_kwargs": {"do_sample": True}}, "it samples its answers"),
        ({**WRITE, "generation_kwargs": {"repetition_penalty": 1.2}}, "it writes with repetition_penalty: 1.2"),
        ({**WRITE, "unsafe_code": True}, "it runs the programs that a model writes"),
        ({**BY_ACC, "doc_to_text": "{{nothing}}"}, "the harness cannot load it .*nothing"),
        ({**BY_ACC, "test_split": "exam"}, "the harness cannot load it"),
    ],
)
def test_what_has_no_score_here(tasks_in: TaskFolder, config: dict[str, Any], found: str) -> None:
    with pytest.raises(TaskError, match=found):
        tasks(tasks_in.task("odd", **config))


def test_a_score_that_is_not_there(tasks_in: TaskFolder) -> None:
    asked = tasks_in.task("options", **BY_ACC)
    with pytest.raises(TaskError, match=r"its metrics are acc. Try: @acc"):
        tasks(f"{asked}@f1")
    with pytest.raises(TaskError, match=r"its filters are none. Try: @none"):
        tasks(f"{asked}@acc,strict")


def test_data_files_that_are_not_there(tasks_in: TaskFolder) -> None:
    (tasks_in.folder / "test.jsonl").unlink()
    with pytest.raises(FetchError, match=r"test\.jsonl"):
        tasks(tasks_in.task("options", **BY_ACC))


def test_groups_that_are_no_mean_over_documents(tasks_in: TaskFolder) -> None:
    tasks_in.task("large", **BY_ACC)
    tasks_in.task("small", **{**BY_ACC, "test_split": "train"})
    tasks_in.task("written", **WRITE)
    alike = [{"metric": "acc", "weight_by_size": False}]
    uneven = tasks_in.file("uneven", group="uneven", task=["large", "small"], aggregate_metric_list=alike)
    with pytest.raises(TaskError, match="weights tasks of different sizes alike"):
        tasks(uneven)
    even = tasks_in.file("even", group="even", task=["large"], aggregate_metric_list=alike)
    assert tasks(even)[0].identity.size == 12
    with pytest.raises(TaskError, match=r"different scores: acc,none; exact_match,none"):
        tasks(tasks_in.file("mixed", group="mixed", task=["large", "written"]))


def test_a_scan_of_what_is_refused_writes_nothing(
    tasks_in: TaskFolder, tmp_path: Path, function: Callable[[str], Any]
) -> None:
    tasks_in.code("def prepared(docs):\n    return docs\n")
    code = tasks_in.task("code", **BY_ACC, process_docs=function("own_code.prepared"))
    no_mean = tasks_in.task("no_mean", **{**CHOICE, "metric_list": [{"metric": "f1"}]})
    for asked, kind in (("lm_eval:gsm9k", UnknownName), (code, TaskError), (no_mean, TaskError)):
        model, run = tmp_path / "never looked at", tmp_path / "run"
        refused = CliRunner().invoke(app, ["scan", str(model), "-t", asked, "--to", str(run)]).exception
        assert isinstance(refused, kind), refused
        assert not run.exists()


def test_an_identity_is_its_content(tasks_in: TaskFolder) -> None:
    """Not where it lies, but what is asked and how it is judged."""
    asked = tasks_in.task("options", **CHOICE, metric_list=[mean("acc"), mean("acc_norm")])
    first, other = harness_task(asked), harness_task(f"{asked}@acc_norm")
    assert harness_task(asked).identity == first.identity
    assert first.identity.name == "lm_eval:options"
    assert other.identity.digest != first.identity.digest
    changed = harness_task(tasks_in.task("options", **{**BY_ACC, "doc_to_text": "{{question}}?"}))
    assert changed.identity.digest != first.identity.digest
    with pytest.raises(TaskError, match="no task of that name and content is known by name"):
        same_tasks([first.identity])


def test_no_global_generator_moves(tasks_in: TaskFolder) -> None:
    random.seed(3)
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    tasks(tasks_in.task("options", **BY_ACC, num_fewshot=2, fewshot_split="train"))
    after = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
