"""Two logs of an evaluation harness, judged by the rule of diff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.analysis.samples_diff import SamplesDiff
from corrie.errors import InputError, UnknownName
from corrie.records.logged_samples import LoggedSamples
from corrie.records.task import TaskIdentity

DATE = "2026-11-28T10-00-00.123456"


def log(folder: Path, scores: list[float], task: str = "quiz", date: str = DATE, **changes: Any) -> Path:
    """What ``lm_eval --log_samples --output_path FOLDER`` leaves of one task, in a folder by the model's name."""
    (folder / "org__model").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, score in enumerate(scores):
        line = {
            "doc_id": number, "doc": {"question": f"{number}?"}, "target": 0, "filter": "none",
            "arguments": [[f"Q: {number}", f" {letter}"] for letter in "abcd"],
            "resps": [], "metrics": ["acc", "acc_norm"], "doc_hash": f"d{number}", "prompt_hash": f"p{number}",
            "acc": score, "acc_norm": score,
        } | changes  # fmt: skip
        lines.append(json.dumps(line))
    file = folder / "org__model" / f"samples_{task}_{date}.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def answers(right: float, size: int = 400, seed: int = 0) -> list[float]:
    return (np.random.default_rng(seed).random(size) < right).astype(float).tolist()


def test_the_verdicts_are_those_of_the_rule(tmp_path: Path) -> None:
    before = answers(0.75)
    kept, broken = list(before), [x * y for x, y in zip(before, answers(0.5, seed=1), strict=True)]
    for folder, same in (("base", before), ("tuned", kept)):
        log(tmp_path / folder, same, "quiz")
        log(tmp_path / folder, before if folder == "base" else broken, "sums")
    found = SamplesDiff.of(tmp_path / "base", tmp_path / "tuned", ["quiz", "sums"])
    assert {t: v.verdict for t, v in found.verdicts.items()} == {"quiz": "kept", "sums": "lost"}
    assert (found.lost, found.undecided, found.holds, found.notes) == (("sums",), (), False, ())
    assert found.verdicts["sums"].worse == sum(a > b for a, b in zip(before, broken, strict=True))
    assert found.verdicts["sums"].chance == 0.25
    assert found.finding.startswith("lost: sums; kept: quiz")
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [task["verdict"] for task in plain["tasks"]] == ["kept", "lost"]


def test_the_order_of_a_file_does_not_matter(tmp_path: Path) -> None:
    """Right answers first would be evidence in a bad order: documents are taken by their hash."""
    before = sorted(answers(0.75), reverse=True)
    log(tmp_path / "a", before)
    log(tmp_path / "b", before)
    found = SamplesDiff.of(tmp_path / "a", tmp_path / "b", ["quiz"]).verdicts["quiz"]
    task = LoggedSamples.open(tmp_path / "a", "quiz")
    assert (found.verdict, found.before) == ("kept", pytest.approx(sum(before) / 400))
    assert len(task.scores) == 400


def test_only_documents_of_both_count_and_it_is_said(tmp_path: Path) -> None:
    log(tmp_path / "a", answers(0.8, 300))
    log(tmp_path / "b", answers(0.8, 300)[:250], prompt_hash="another")
    found = SamplesDiff.of(tmp_path / "a", tmp_path / "b", ["quiz"])
    assert found.verdicts["quiz"].examples == 250
    assert any("50 only in the base's, 0 only in the tuned's" in note for note in found.notes)
    assert any("250 documents were asked with another prompt" in note for note in found.notes)
    assert SamplesDiff.of(tmp_path / "a", tmp_path / "b", ["quiz"], examples=40).verdicts["quiz"].examples == 40


def test_the_newest_log_is_read(tmp_path: Path) -> None:
    log(tmp_path, answers(0.1), date="2026-11-27T10-00-00.000001")
    log(tmp_path, [1.0] * 400)
    assert set(LoggedSamples.open(tmp_path, "quiz").scores.values()) == {1.0}


def test_metric_and_filter_are_chosen_by_name(tmp_path: Path) -> None:
    file = log(tmp_path, [1.0, 0.0])
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    both = [line | {"filter": f, "exact_match": v, "metrics": ["exact_match"], "arguments": [["x"]]}
            for line in lines for f, v in (("strict-match", 0.0), ("flexible-extract", 1.0))]  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in both))
    with pytest.raises(InputError, match="several filters: flexible-extract, strict-match") as refused:
        LoggedSamples.open(tmp_path, "quiz")
    assert "-t quiz/exact_match,flexible-extract" in str(refused.value)
    found = LoggedSamples.open(tmp_path, "quiz/exact_match,flexible-extract")
    assert (set(found.scores.values()), found.chance) == ({1.0}, 0.0)
    with pytest.raises(UnknownName):
        LoggedSamples.open(tmp_path, "quiz/exact_match,strict")
    with pytest.raises(UnknownName):
        LoggedSamples.open(tmp_path, "quiz/acc,strict-match")
    with pytest.raises(UnknownName, match="quiz"):
        LoggedSamples.open(tmp_path, "quis")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"acc": 1.5}, "no number in"),
        ({"acc": float("nan")}, "no number in"),
        ({"acc": "yes"}, "no number in"),
        ({"acc": None}, "no number in"),
        ({"metrics": ["perplexity", "bits"]}, "several metrics"),
        ({"metrics": []}, "no metric"),
        ({"doc_id": 7, "doc_hash": "same"}, "twice"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    log(tmp_path, [1.0, 0.0], **changes)
    with pytest.raises(InputError, match=said):
        LoggedSamples.open(tmp_path, "quiz")


def test_odd_folders_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        LoggedSamples.open(tmp_path / "none", "quiz")
    with pytest.raises(InputError, match="no samples_"):
        LoggedSamples.open(tmp_path, "quiz")
    file = log(tmp_path, [1.0])
    for content in ("", "[]\n", "{\n", "[" * 100_000 + "\n", '{"a": 1}\n'):
        file.write_text(content)
        with pytest.raises(InputError):
            LoggedSamples.open(file, "quiz")


def test_other_documents_or_metrics_are_not_compared(tmp_path: Path) -> None:
    log(tmp_path / "a", answers(0.8, 50))
    log(tmp_path / "b", answers(0.8, 50), doc_hash="of another version")
    with pytest.raises(InputError, match="no document in common"):
        SamplesDiff.of(tmp_path / "a", tmp_path / "b", ["quiz"])
    log(tmp_path / "c", answers(0.8, 50), metrics=["acc_norm"])
    with pytest.raises(InputError, match="acc,none and acc_norm,none"):
        SamplesDiff.of(tmp_path / "a", tmp_path / "c", ["quiz"])
    with pytest.raises(InputError, match="no task"):
        SamplesDiff.of(tmp_path / "a", tmp_path / "a", [])
    with pytest.raises(InputError, match="tolerance"):
        SamplesDiff.of(tmp_path / "a", tmp_path / "a", ["quiz"], tolerance=1.0)


def test_a_single_task_is_judged_as_it_would_be_by_hand(tmp_path: Path) -> None:
    log(tmp_path / "a", [1.0] * 60)
    log(tmp_path / "b", [0.5] * 60)
    found = SamplesDiff.of(tmp_path / "a", tmp_path / "b", ["quiz"]).verdicts["quiz"]
    task = LoggedSamples.open(tmp_path / "a", "quiz")
    assert task.metric == "acc"
    by_hand = PairedVerdict.of(KeptScore(_like(), (1.0,) * 60, 0.1), (0.5,) * 60)
    assert (found.verdict, found.p_lost) == (by_hand.verdict, by_hand.p_lost) == ("lost", found.p_lost)


def _like() -> TaskIdentity:
    return TaskIdentity(name="quiz", capability="quiz", source="x", scoring="choice", chance=0.25, size=60, digest="d")


@pytest.mark.parametrize("as_written", [False, True])
def test_options_after_an_empty_context_are_no_more_options(tmp_path: Path, as_written: bool) -> None:
    """For ``acc_mutual_info`` the harness scores each option twice; chance is 1/4 all the same."""
    pairs = [[context, f" {letter}"] for context in ("Q:", "") for letter in "abcd"]
    written = {f"gen_args_{i}": {"arg_0": c, "arg_1": o} for i, (c, o) in enumerate(pairs)}
    log(tmp_path, answers(0.75, 20), arguments=written if as_written else pairs)
    assert LoggedSamples.open(tmp_path, "quiz").chance == 0.25


@pytest.mark.parametrize("examples", [0, -1])
def test_no_documents_to_judge_by_are_refused(tmp_path: Path, examples: int) -> None:
    log(tmp_path, answers(0.75, 20))
    with pytest.raises(InputError, match="none to judge by"):
        SamplesDiff.of(tmp_path, tmp_path, ["quiz"], examples=examples)
