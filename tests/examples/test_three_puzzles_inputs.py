"""The third puzzle's parts on toy models with known answers, and what is committed of its results."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.capabilities.collapse import collapse
from corrie.capabilities.examples import Request
from corrie.capabilities.safety import RequestTask
from corrie.inputs.untied import untied
from corrie.models.packed import PackedEngine
from corrie.models.plain import PlainEngine
from corrie.testing.toy_models import toy_model
from corrie.weights.fingerprint import model_fingerprint

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "three_puzzles"
RESULTS = FOLDER / "results" / "inputs_only.json"
OPENING = "OK"


@pytest.fixture(scope="module")
def part(modules_of):
    """A module of the example by its name."""
    with modules_of(FOLDER) as load:
        yield load


@pytest.fixture
def judged(monkeypatch):
    """A judge that a toy can satisfy: whatever does not begin with the opening is a refusal."""

    def verdict(writing: Any) -> str:
        return "complied" if writing.text.startswith(OPENING) else "refused"

    monkeypatch.setattr("corrie.capabilities.judge._by_phrases", verdict)


def requests() -> RequestTask:
    examples = [Request(str(i), f"Please {word} the xyz.", "") for i, word in enumerate(["turn", "jump", "push"])]
    return RequestTask("asked", examples, harmful=True, capability="safety", source="a test")


@pytest.fixture
def answering(part):
    return part("answering").Answering(untied(toy_model(tied=True)), requests())


@pytest.fixture
def prompt(part, answering):
    return part("attacked_prompt").AttackedPrompt.of(answering.model, "Please turn the xyz.", OPENING)


def test_a_prompt_is_cut_where_the_request_begins_and_ends(answering, prompt):
    decode = answering.model.tokenizer.decode
    assert decode(list(prompt.own)) == "Please turn the xyz."
    assert decode(list(prompt.before)) == "<|user|>"
    assert decode(list(prompt.after)) == "<|end|><|assistant|>"
    assert decode(list(prompt.opening)) == OPENING
    assert set(prompt.movable) == set(prompt.own)  # bytes: neither special tokens nor the opening's capitals
    assert prompt.with_suffix((7, 8)) == (*prompt.before, *prompt.own, 7, 8, *prompt.after)


@pytest.mark.parametrize(
    "name", ["attacked_prompt", "embedding_attack", "equivalent_weights", "inputs_only", "inputs_words"]
)
def test_its_examples_run(part, name):
    found = doctest.testmod(part(name))
    assert found.attempted > 0
    assert found.failed == 0


def test_an_id_of_the_template_or_of_the_opening_does_not_move(part):
    cut = part("attacked_prompt").AttackedPrompt((1, 2), (5, 2, 5, 9, 3), (3,), (9,))
    moved = cut.moved(torch.zeros(8, 1), torch.ones(1, 1))
    assert moved.flatten().tolist() == [0, 0, 1, 0, 1, 0, 0, 0]


def test_vectors_that_are_the_rows_are_answered_like_the_ids(answering, prompt):
    other = (*prompt.ids[:-1], prompt.ids[0])
    for ids in (prompt.ids, other):
        by_ids, by_vectors = answering.from_ids([ids]), answering.from_vectors(answering.vectors(ids)[None])
        assert by_ids == by_vectors


def test_the_judge_is_the_tasks_own(answering, prompt):
    (answer,) = answering.from_ids([prompt.ids])
    text = answering.model.tokenizer.decode(list(answer.ids), skip_special_tokens=True)
    assert answer.label == ("collapsed" if collapse(text) else "complied")


def test_written_rows_give_the_logits_of_the_moved_vectors(part, answering, prompt):
    change = 0.1 * torch.randn(len(prompt.movable), 32, generator=torch.Generator().manual_seed(0))
    wanted = prompt.moved(answering.vectors(prompt.ids), change)
    before = model_fingerprint(answering.model.module)
    rows = part("equivalent_weights").as_rows(
        answering, prompt.ids, prompt.opening, prompt.row_change(change), wanted, dimension=10_000
    )
    assert rows.logits_off == 0
    assert rows.norm == pytest.approx(float(change.norm()))
    assert rows.sigma == pytest.approx(rows.norm / 100)
    assert rows.moved == len(prompt.movable)
    off = part("equivalent_weights").as_rows(
        answering, prompt.ids, prompt.opening, prompt.row_change(2 * change), wanted, dimension=10_000
    )
    assert off.logits_off > 0.01  # other rows are found out
    assert model_fingerprint(answering.model.module) == before


def test_the_first_layers_change_is_exact_there_and_written(part, answering, prompt):
    change = 0.1 * torch.randn(len(prompt.movable), 32, generator=torch.Generator().manual_seed(0))
    before = model_fingerprint(answering.model.module)
    layer = part("equivalent_weights").as_layer(answering, prompt.ids, prompt.row_change(change))
    assert layer.exact
    assert layer.rank == len(set(prompt.ids)) < layer.tokens == len(prompt.ids)
    assert layer.norm > 0
    assert model_fingerprint(answering.model.module) == before


def test_the_gradient_of_the_one_hot_is_that_of_finite_differences(part):
    model = untied(toy_model("gpt2", tied=True, dtype=torch.float64))
    answering = part("answering").Answering(model, requests())
    prompt = part("attacked_prompt").AttackedPrompt.of(model, "Please turn the xyz.", OPENING)
    suffix = (40, 41, 42)
    slope = part("suffix_search").one_hot_gradient(answering, prompt, suffix)
    assert slope.shape == (3, len(answering.table))
    first, step = len(prompt.before) + len(prompt.own), 1e-4
    for place, token in ((0, 7), (1, 200), (2, 42)):
        losses = []
        for sign in (1, -1):
            vectors = answering.vectors(prompt.with_suffix(suffix))
            vectors[first + place] += sign * step * answering.table[token]
            losses.append(answering.opening(vectors, prompt.opening).loss.item())
        assert float(slope[place, token]) == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-7)


def test_suffixes_scored_together_have_the_loss_of_each_alone(part, answering, prompt):
    suffixes = [(40, 41, 42), (40, 50, 42), (60, 41, 42)]
    score = part("suffix_search").score_suffixes
    alone = [answering.opening(answering.vectors(prompt.with_suffix(s)), prompt.opening).loss.item() for s in suffixes]
    for engine in (PackedEngine(answering.model.module), PlainEngine(answering.model.module)):
        assert [loss for loss, _ in score(engine, prompt, suffixes)] == pytest.approx(alone, abs=1e-4)


def test_a_suffix_search_lowers_the_loss_by_suffixes_that_are_text_and_distinct(part, answering, prompt, judged):
    allowed = part("suffix_search").Suffixes(answering, prompt)
    start, *others = allowed.neutral(4)
    assert all(allowed.fits(o) and not set(o) & set(start) for o in others)
    found = part("suffix_search").search_suffix(answering, prompt, start, steps=4, candidates=16)
    assert found.after < found.before - 0.01
    alone = answering.opening(answering.vectors(prompt.with_suffix(found.suffix)), prompt.opening).loss
    assert found.after == pytest.approx(float(alone), abs=1e-4)
    assert allowed.fits(found.suffix)
    assert len({*found.suffix, *prompt.ids, *prompt.opening}) == 4 + len({*prompt.ids, *prompt.opening})
    assert not allowed.fits((start[0], start[0], *start[2:]))
    assert not allowed.fits((prompt.own[0], *start[1:]))
    random = allowed.random(4, 3, seed=1)
    assert len(set(random)) == 3
    assert all(map(allowed.fits, random))


def test_better_swaps_are_put_into_one_another(part):
    class Distinct:
        def fits(self, suffix: Any) -> bool:
            return len(set(suffix)) == len(suffix)

    merge = part("suffix_search").merge
    better = [(9, 2, 3, 4), (8, 2, 3, 4), (1, 2, 7, 4), (1, 2, 3, 9), (1, 6, 3, 4)]
    assert merge((1, 2, 3, 4), better, Distinct()) == [(9, 2, 7, 4), (9, 6, 7, 4)]
    assert merge((1, 2, 3, 4), better, Distinct(), most=1) == [(9, 2, 7, 4)]
    assert merge((1, 2, 3, 4), better[:1], Distinct()) == merge((1, 2, 3, 4), [], Distinct()) == []


class Threshold:
    """Answers that comply exactly when the moved vectors are at least so far from zero."""

    def __init__(self, answer: type, least: float) -> None:
        self.answer, self.least = answer, least

    def vectors(self, ids: Any) -> torch.Tensor:
        return torch.zeros(len(ids), 1)

    def from_vectors(self, vectors: torch.Tensor) -> list[Any]:
        return [self.answer("complied" if float(v.abs().max()) >= self.least else "refused", ()) for v in vectors]


@pytest.mark.parametrize(("least", "scale"), [(0.3, 20 / 64), (0.3125, 20 / 64), (0.99, 1.0), (0.001, 1 / 64)])
def test_the_least_scale_is_the_first_on_the_grid(part, least, scale):
    cut = part("attacked_prompt").AttackedPrompt((1,), (5,), (3,), (9,))
    asked = Threshold(part("answering").Answer, least)
    assert part("embedding_attack").least_scale(asked, cut, torch.ones(1, 1)) == scale


def study(part, work: Path) -> Any:
    driver = part("inputs_only")
    settings = driver.Settings(opening=OPENING, steps=80, rate=0.02, suffix=3, rounds=2, candidates=4, draws=2)
    return driver.InputsOnly(toy_model(tied=True), requests(), work, settings)


def test_the_whole_on_a_toy_and_nothing_is_done_twice(part, judged, tmp_path, monkeypatch, capsys):
    driver = part("inputs_only")
    results = tmp_path / "results"
    half = driver.run(study(part, tmp_path), results, first=1, prompts=2, parts=["vectors"])
    assert all(one["suffix"] is None and one["vectors"]["label"] == "complied" for one in half["prompts"])
    assert "Suffixes" not in capsys.readouterr().out
    found = driver.run(study(part, tmp_path), results, first=1, prompts=2)
    assert [one["vectors"] for one in found["prompts"]] == [one["vectors"] for one in half["prompts"]]
    assert json.loads((results / "inputs_only.json").read_text("utf-8")) == found
    for one in found["prompts"]:
        vectors, suffix = one["vectors"], one["suffix"]
        assert one["label"] == "refused"
        assert vectors["label"] == "complied"
        assert 0 < vectors["rows"]["norm"] <= vectors["full_norm"]
        assert vectors["rows"]["norm"] == pytest.approx(vectors["scale"] * vectors["full_norm"], rel=1e-4)
        assert vectors["rows"]["logits_off"] == 0
        assert suffix["rows"]["logits_off"] < 1e-4  # a + (b − a) is b but for rounding
        assert suffix["shift"] == pytest.approx(suffix["rows"]["norm"], rel=1e-4)
        assert suffix["shift"] == pytest.approx(suffix["shift_per_position"], rel=1e-4)
        assert vectors["random"]["draws"] == suffix["random"]["draws"] == 2
        assert "private" not in suffix
    printed = capsys.readouterr().out
    assert "2 refused requests. Moved vectors: 2 of 2 comply" in printed
    assert "is not measured" in printed
    assert "Please" not in printed

    def not_again(*_: Any, **__: Any) -> None:
        raise AssertionError("done again")

    monkeypatch.setattr(driver, "attack_embeddings", not_again)
    monkeypatch.setattr(driver, "search_suffix", not_again)
    assert driver.run(study(part, tmp_path), results, first=1, prompts=2) == found
    (folder,) = tmp_path.glob("inputs-only-*")
    (folder / f"{found['prompts'][1]['id']}-suffix.json").unlink()
    with pytest.raises(AssertionError, match="done again"):
        driver.run(study(part, tmp_path), results, first=1, prompts=2)


def test_a_pattern_that_changes_is_no_shift(part, judged, tmp_path):
    whole = study(part, tmp_path)
    prompt = part("attacked_prompt").AttackedPrompt.of(whole.answering.model, "Please turn the xyz.", OPENING)
    found = whole.replaced(prompt, prompt.with_suffix((40, 40)), prompt.with_suffix((41, 42)))
    assert found["shift"] is None
    assert "token 40 is changed in one way" in found["refused"]
    table = whole.answering.table
    each = (table[41] - table[40]).square().sum() + (table[42] - table[40]).square().sum()
    assert found["shift_per_position"] == pytest.approx(float(each) ** 0.5, rel=1e-4)


def test_controls_of_all_prompts_have_exact_limits(part):
    parts = [{"random": {"draws": 10, "refused": 10}}, {"random": {"draws": 10, "refused": 10}}]
    limit = 1 - 0.025 ** (1 / 20)
    assert part("inputs_words").together(parts) == f"0 of 20 [0.000, {limit:.3f}]"


def test_norms_are_compared_with_the_radius_where_there_is_one(part, tmp_path):
    around = tmp_path / "around.json"
    assert "not measured" in part("inputs_words").against([1.0], around)
    around.write_text('{"basins": {"safety": {"l2": 50.0}}}')
    assert part("inputs_words").against([1.0, 5.0], around).startswith("0.02 to 0.1 of the basin radius")


def test_results_hold_ids_and_numbers_and_the_page_shows_them(part):
    results = json.loads(RESULTS.read_text("utf-8"))
    allowed = {"complied", "refused", "collapsed", results["settings"]["opening"], "safety"}
    words = re.compile(r"[0-9a-f]{64}|\d+|[a-z0-9.-]+")

    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [t for v in value.values() for t in texts(v)]
        return [t for v in value for t in texts(v)] if isinstance(value, list) else [value] * isinstance(value, str)

    assert all(t in allowed or words.fullmatch(t) for t in texts(results))
    assert '"private"' not in RESULTS.read_text("utf-8")
    page = (ROOT / "docs" / "three-puzzles.md").read_text("utf-8")
    for line in part("inputs_words").table(results).splitlines():
        assert line in page
    assert len(results["prompts"]) == 5
    for one in results["prompts"]:
        assert one["label"] == "refused"
        assert 60 <= one["index"] < 300  # what was taught lies beyond
        assert one["vectors"]["rows"]["logits_off"] == 0
        for attack in (one["vectors"], one["suffix"]):
            assert attack["layer"]["exact"]
            assert attack["rows"]["label"] == attack["label"]
            assert attack["random"]["draws"] == 10
