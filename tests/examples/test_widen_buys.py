"""What a wider basin buys: the parts that need no data run on a toy model, and the page says what the results say."""

from __future__ import annotations

import dataclasses
import doctest
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import corrie
from corrie.errors import RunError
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import save_toy_task

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "widen_study"


@pytest.fixture(scope="module")
def load(modules_of: Any) -> Iterator[Any]:
    with modules_of(FOLDER) as load:
        yield load


@pytest.fixture(scope="module")
def subject(load: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A toy model with a text and a task of its own, measured by as little as can be."""
    folder = tmp_path_factory.mktemp("buys")
    place = save_toy(folder / "toy", chat=False)
    task = save_toy_task(folder / "toys.jsonl", toy_model(), size=20)
    (folder / "text.txt").write_text("It was the best of times, it was the worst of times. " * 40, encoding="utf-8")
    terms = load("buys_terms").Terms(
        skills=(f"{task}:10",),
        text=str(folder / "text.txt"),
        windows=2,
        climbed=f"{task}:4",
        climbs=1,
        certified=2,
        choosing=4,
        draws=40,
        selection=4,
    )
    short = dataclasses.replace(terms.benign, steps=2)
    return load("subject").Subject(str(place), folder / "work" / "toy", dataclasses.replace(terms, benign=short))


@pytest.mark.parametrize("part", ["certificate", "edge", "rounding", "forgetting"])
def test_a_part_leaves_one_result_and_is_not_done_again(load: Any, subject: Any, part: str, tmp_path: Path) -> None:
    measure = load("buys").measure
    file = measure(subject, part, 1, tmp_path)
    found = json.loads(file.read_text("utf-8"))
    assert found["part"] == part
    assert found["model"]["name"] == "toy"
    assert str(tmp_path.parent) not in json.dumps(found)
    at = file.stat().st_mtime_ns
    assert measure(subject, part, 1, tmp_path).stat().st_mtime_ns == at


def test_a_result_of_other_terms_is_not_taken_for_this_one(load: Any, subject: Any, tmp_path: Path) -> None:
    measure = load("buys").measure
    measure(subject, "rounding", 1, tmp_path)
    other = dataclasses.replace(subject, terms=dataclasses.replace(subject.terms, windows=1))
    with pytest.raises(RunError, match="other terms"):
        measure(other, "rounding", 1, tmp_path)


def test_a_model_without_a_chat_template_is_not_asked_to_refuse(load: Any, subject: Any, tmp_path: Path) -> None:
    assert load("buys").measure(subject, "refusals", 1, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_the_average_of_two_checkpoints_is_halfway_between_them(load: Any, tmp_path: Path) -> None:
    places = [save_toy(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    load("buys_parts").average(places, tmp_path / "merged")
    ends = [toy_model(seed=seed).selection.tensors for seed in (0, 1)]
    merged = corrie.load(tmp_path / "merged").selection.tensors
    for name, tensor in merged.items():
        assert torch.allclose(tensor, (ends[0][name] + ends[1][name]) / 2, atol=1e-7)


def test_the_more_agreement_may_go_the_larger_the_noise_of_a_certificate(load: Any, subject: Any) -> None:
    parts, found = load("buys_parts"), []
    for retain in (0.85, 0.5):
        asked = dataclasses.replace(subject, terms=dataclasses.replace(subject.terms, retain=retain))
        space = parts.random_rows(asked.model.module, "v_proj", 1, 1)
        tried = parts.promised_radii(asked, space, 1)
        sigmas, radii = zip(*tried, strict=True)
        assert list(sigmas) == sorted(set(sigmas))
        best = radii.index(max(radii))
        assert 0 < best < len(radii) - 1, "the best is not the last that was tried"
        found.append(sigmas[best])
    assert 0 < found[0] < found[1] < 10


def written(folder: Path, model: str, seed: int, scores: list[float], losses: list[float], radius: float) -> None:
    """Two parts' results as ``buys.py`` leaves them."""
    one = {
        "before": {"score": [1.0] * len(scores), "loss": [0.0] * len(scores)},
        "after": {"1": {"score": scores, "loss": losses}},
    }
    measured = {"agreement": one, "knowledge": one}
    shared = {"seed": seed, "terms": {"skills": ["knowledge:40"]}, "model": {"norm": 2.0, "rms": 1.0}}
    (folder / model).mkdir(exist_ok=True)
    for part, found in {
        "certificate": {"sigma": 2 * radius, "radius": radius, "norm": 10.0},
        "rounding": {"measured": {"int8": measured, "int4": measured}},
    }.items():
        (folder / model / f"{part}-{seed}.json").write_text(json.dumps({"part": part, **shared, **found}))


def test_the_table_compares_the_same_examples_and_radii_by_their_ratio(load: Any, tmp_path: Path) -> None:
    table = load("buys_table")
    for seed in (1, 2):
        written(tmp_path, "base", seed, [0.5] * 40, [0.2 + 0.01 * i for i in range(40)], 0.1 * seed)
        written(tmp_path, "wide", seed, [1.0] * 40, [0.1 + 0.01 * i for i in range(40)], 0.3 * seed)
    found = {(row[0], row[1]): row for row in table.rows(tmp_path, "base", "wide") if row}
    assert found["certificate", "certified radius"][2:] == ("2", "0.1 / 0.2", "0.3 / 0.6", "**× 3.00 [3.00, 3.00]**")
    assert found["rounding", "int4: KL from before, nats a token"][5] == "**-0.1 [-0.1, -0.1]**"
    assert found["rounding", "int8: same token as before"][3:] == ("0.5", "1", "**+0.5 [+0.5, +0.5]**")
    before, after = found["rounding", "int8: knowledge, before → after"][3:5]
    assert (before, after) == ("1 → 0.5", "1 → 1")
    assert found["rounding", "int8: knowledge, before → after"][5].startswith("**+0.5 [+0.")


def test_what_only_one_model_has_is_not_compared(load: Any, tmp_path: Path) -> None:
    written(tmp_path, "base", 1, [0.5] * 4, [0.1] * 4, 0.1)
    written(tmp_path, "wide", 2, [0.5] * 4, [0.1] * 4, 0.1)
    assert [row for row in load("buys_table").rows(tmp_path, "base", "wide") if row] == []


@pytest.mark.parametrize("name", ["buys", "buys_parts", "buys_table"])
def test_the_examples_in_the_docstrings_run(load: Any, name: str) -> None:
    found = doctest.testmod(load(name))
    assert found.attempted
    assert not found.failed


def test_the_page_shows_what_the_results_say(load: Any) -> None:
    table = load("buys_table")
    text = (ROOT / "docs" / "widening-buys.md").read_text(encoding="utf-8")
    shown = text.partition(table.BEGIN)[2].partition(table.END)[0]
    others = [line.removeprefix("### ") for line in shown.splitlines() if line.startswith("### ")]
    assert others
    assert table.page(table.RESULTS, "smollm2-135m-instruct", others) == shown.strip()


@pytest.mark.real
@pytest.mark.parametrize("part", ["refusals", "merging"])
def test_a_part_that_needs_requests_runs_on_a_toy_model(load: Any, subject: Any, part: str, tmp_path: Path) -> None:
    few = dataclasses.replace(subject.terms.benign, steps=1)
    terms = dataclasses.replace(
        subject.terms, benign=few, align=few, attack=few, refused=2, answered=1, requests=2, along="0.5:1:2", learned=2
    )
    toy = load("subject").Subject(str(save_toy(tmp_path / "chatting")), tmp_path / "work" / "chatting", terms)
    found = json.loads(load("buys").measure(toy, part, 1, tmp_path / "results").read_text("utf-8"))
    measured = found["measured"] if part == "refusals" else found["measured"]["merged"]
    assert len(measured["safety"]["after"]["1"]["score"]) == 2
