"""The whole way on toy models: what is left, that nothing is left of what failed, and that a stop changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import corrie
from corrie.analysis.widening import Widening
from corrie.capabilities.agreement import agreement_on
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.questions.widening import WideningQuestion
from corrie.records.canonical import content_hash
from corrie.records.run_folder import RunFolder
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint
from corrie.widening import making
from corrie.widening.kept_state import KeptState
from corrie.widening.labelled import Labelled
from corrie.widening.lessons import Lessons
from corrie.widening.making import Making
from corrie.widening.measuring import landscape_of, rounded_landscape

SHORT: dict[str, Any] = {"sigma": 0.05, "steps": 6, "written": 6, "windows": 2, "window": 8, "measure": False}


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def test_without_noise_nothing_changes_to_the_bit(model: Model, tmp_path: Path) -> None:
    found = corrie.widen(model, out=tmp_path / "wide", **{**SHORT, "sigma": 0.0, "anchor": 1.0})
    assert (found.distance, found.loss, found.rescaling, found.largest_rescaling) == (0.0, 0.0, 1.0, 1.0)
    assert found.widened.fingerprint == model.identity.fingerprint
    assert corrie.load(tmp_path / "wide").identity.fingerprint == model.identity.fingerprint


def test_it_leaves_a_checkpoint_and_does_not_touch_the_model(model: Model, tmp_path: Path) -> None:
    out = tmp_path / "wide"
    found = corrie.widen(model, out=out, **SHORT)
    assert model_fingerprint(model.module) == model.identity.fingerprint
    assert all(p.grad is None for p in model.module.parameters())
    loaded = corrie.load(out)
    assert loaded.identity.fingerprint == found.widened.fingerprint != model.identity.fingerprint
    assert loaded.identity.function == model.identity.function
    assert loaded.identity.tokenizer == model.identity.tokenizer
    assert [file.name for file in tmp_path.iterdir()] == ["wide"]
    left = {file.name for file in out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "widening.json", "steps.csv"} <= left
    assert len((out / "steps.csv").read_text().splitlines()) == 1 + 6
    assert not left & {"state.safetensors", "text.safetensors", "course.json", "trained.json"}
    pairs = zip(loaded.module.parameters(), model.module.parameters(), strict=True)
    assert found.distance == pytest.approx(sum((a - b).detach().square().sum().item() for a, b in pairs) ** 0.5)
    assert found.spent.tokens == 6 * 2 * 2 * 8
    assert Widening.read(out) == found
    assert corrie.widen(model, out=out, **SHORT) == found  # there already: only read


def test_labelled_examples_are_learned_beside(model: Model, tmp_path: Path) -> None:
    task = toy_choice(model, size=8)
    terms = {**SHORT, "sigma": 0.0, "rate": 0.01}
    plain = corrie.widen(model, out=tmp_path / "plain", **terms)
    left_out = corrie.widen(model, out=tmp_path / "left", labelled=[task], mix=0.0, **terms)
    assert left_out.widened.fingerprint == plain.widened.fingerprint == model.identity.fingerprint
    taught = corrie.widen(model, out=tmp_path / "taught", labelled=[task], mix=2.0, **terms)
    before, after = (TaskLoss(m, task, 8).mean() for m in (model, corrie.load(tmp_path / "taught")))
    assert after < before - 0.1
    labelled = Labelled.of(model, [(task, 8)], size=2)
    assert taught.spent.tokens == sum(2 * (2 * 8 + labelled.tokens(step)) for step in range(6))
    assert (taught.labelled, taught.mix, plain.labelled, plain.mix) == ("toy", 2.0, "", 0.0)
    assert "and labelled examples of toy (weight 2)" in str(taught)


def test_a_run_without_labelled_examples_has_the_name_that_it_had(model: Model) -> None:
    question = WideningQuestion(**SHORT)
    made = Making.of(model, question)
    terms = {name: value for name, value in question.terms().items() if name != "mix"}
    before = {"widen": model.identity.canonical(), "how": terms, "text": "own", "tasks": []}
    assert made.identity == content_hash(before) == Making.of(model, WideningQuestion(mix=3.0, **SHORT)).identity
    task = toy_choice(model, size=8)
    identities = [Making.of(model, WideningQuestion(mix=m, **SHORT), labelled=[(task, n)]).identity
                  for m, n in ((1.0, 8), (2.0, 8), (1.0, 7))]  # fmt: skip
    assert len({made.identity, *identities}) == 4


@pytest.fixture(scope="module")
def whole(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A run that was never stopped, made once for the same terms."""

    @cache
    def made(labelled: bool) -> Path:
        place = tmp_path_factory.mktemp("whole") / "whole"
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(KeptState, "is_due", True)
            corrie.widen(model, out=place, **beside(model, labelled))
        return place

    return made


def beside(model: Model, labelled: bool) -> dict[str, Any]:
    return {**SHORT, "labelled": [toy_choice(model, size=8)] if labelled else ()}


@pytest.mark.parametrize(("stop_at", "labelled"), [(0, False), (2, False), (5, False), (3, True)])
def test_stopped_and_resumed_it_ends_in_the_same_weights(
    model: Model,
    whole: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: int,
    labelled: bool,
) -> None:
    terms, never_stopped = beside(model, labelled), whole(labelled)

    class Killed(BaseException):
        pass

    loss = Lessons.loss

    def killed(self: Lessons, student: Any, step: int) -> Any:
        if step == stop_at:
            raise Killed
        return loss(self, student, step)

    monkeypatch.setattr(KeptState, "is_due", True)
    monkeypatch.setattr(Lessons, "loss", killed)
    with pytest.raises(Killed):
        corrie.widen(model, out=tmp_path / "wide", **terms)
    assert not (tmp_path / "wide").exists()
    monkeypatch.setattr(Lessons, "loss", loss)
    said: list[str] = []
    corrie.widen(model, out=tmp_path / "wide", say=said.append, **terms)
    assert "Going on with what the same command left unfinished." in said
    assert (f"Step {stop_at} of 6 was kept." in said) == (stop_at > 0)
    assert any(line.startswith("Balanced: ") for line in said) == (stop_at == 0)  # it is in the weights that were kept
    assert Widening.read(tmp_path / "wide").balance == Widening.read(never_stopped).balance
    wide, without = ((place / "model.safetensors").read_bytes() for place in (tmp_path / "wide", never_stopped))
    assert wide == without


@pytest.mark.parametrize(("steps", "kept"), [(3, 0), (4, 3)])
def test_what_the_teacher_says_is_kept_only_of_text_that_is_read_again(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, kept: int
) -> None:
    made: list[Lessons] = []
    begin = Lessons.__init__

    def noted(self: Lessons, *args: Any, **words: Any) -> None:
        begin(self, *args, **words)
        made.append(self)

    monkeypatch.setattr(Lessons, "__init__", noted)
    corrie.widen(model, out=tmp_path / "wide", **{**SHORT, "steps": steps})  # 6 windows, 2 a step: 3 batches
    assert len(made[-1]._kept) == kept


def test_stopped_between_weights_and_measuring_it_goes_on(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(making, "moved", full)
        with pytest.raises(OSError, match="no room"):
            corrie.widen(model, out=tmp_path / "wide", **SHORT)
    monkeypatch.setattr(making.SmoothedDescent, "step", full)  # no step is made again
    found = corrie.widen(model, out=tmp_path / "wide", **SHORT)
    assert found.spent.steps == 6


def test_stopped_before_it_is_put_in_place_it_is_only_put_there(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(making.Unfinished, "finish", full)
        with pytest.raises(OSError, match="no room"):
            corrie.widen(model, out=tmp_path / "wide", **SHORT)
    monkeypatch.setattr(Making, "_work", full)  # nothing is done again
    found = corrie.widen(model, out=tmp_path / "wide", **SHORT)
    assert (found.spent.steps, [file.name for file in tmp_path.iterdir()]) == (6, ["wide"])


def test_radii_and_scores_before_and_after_are_those_of_the_runs_beside(model: Model, tmp_path: Path) -> None:
    out, task = tmp_path / "wide", toy_choice(model, size=20)
    terms: dict[str, Any] = {**SHORT, "measure": True, "sigma": None, "factor": 1.5, "rate": 0.003, "most": 48}
    found = corrie.widen(model, [(task, 20)], out=out, **terms)
    assert [t.task for t in found.tasks] == ["agreement:toy", "toy"]
    by_hand = corrie.compare(out / "before", out / "after", unit="relative")
    for told, compared in zip(found.tasks, by_hand.differences, strict=True):
        assert compared.ratio is not None
        assert told.share is not None
        assert told.share.ratio == compared.ratio.turned.ratio
        assert told.sigma is not None
        assert told.sigma.ratio == pytest.approx(told.share.ratio * found.rescaling)
    before = by_hand.basins[0]["agreement:toy"].sigma
    assert before is not None
    assert found.balance is not None
    assert found.sigma == pytest.approx(1.5 * before * found.balance.gain, rel=1e-5)
    assert found.tasks[1].score_before == 1.0
    assert found.rest is not None
    assert found.rest.divergence > 0
    assert [r.kind for r in found.rounded] == ["int8", "int4"]
    (eight, four) = found.rounded
    for side in (0, 1):
        assert 0 < eight.divergence[side] < four.divergence[side]
        assert eight.agreement[side] > four.agreement[side]
    with RunFolder.open(out / "before").store() as store:
        assert [spec.directions[0].normalisation for spec, _ in store.specs()] == ["path", "none"]
    assert corrie.load(out).identity.fingerprint == found.widened.fingerprint  # with runs in its folder
    said = str(found)
    assert "agreement:toy" in said
    assert "KL to the base" in said
    assert json.loads(json.dumps(found.to_json()))["sigma"] == found.sigma


def test_adapters_are_merged_and_lie_beside(model: Model, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    out = tmp_path / "wide"
    found = corrie.widen(model, out=out, lora=2, labelled=[toy_choice(model, size=8)], **{**SHORT, "rate": 0.01})
    loaded, adapter = corrie.load(out), corrie.adapter(model, out / "adapter")
    with corrie.perturbed(model, corrie.Point.along(adapter, 1.0)):
        merged = {n: p.detach().clone() for n, p in model.module.named_parameters()}
    assert found.distance > 0
    for name, parameter in loaded.module.named_parameters():
        torch.testing.assert_close(parameter, merged[name], rtol=0, atol=1e-6)


def test_no_steps_only_balance(model: Model, tmp_path: Path) -> None:
    found = corrie.widen(model, out=tmp_path / "wide", steps=0, written=6, windows=2, window=8, measure=False)
    assert found.balance is not None
    assert "Rescaling, before any step: " in str(found)
    assert (found.balance.gain > 1, found.spent.steps, found.sigma, found.factor) == (True, 0, 0.0, None)
    assert found.balance.typical == pytest.approx(found.rescaling, rel=1e-3)
    ids = torch.arange(3, 23)[None]
    with torch.no_grad():
        one, two = (torch.log_softmax(m.module(ids).logits, -1) for m in (model, corrie.load(tmp_path / "wide")))
    assert float((one.exp() * (one - two)).sum(-1).mean()) < 1e-6
    plain = corrie.widen(model, out=tmp_path / "plain", balance=False, **SHORT)
    assert plain.balance is None
    assert plain.largest_rescaling < found.largest_rescaling


def test_a_widened_model_goes_on_with_its_base_as_the_teacher(model: Model, tmp_path: Path) -> None:
    """The loss at rest is the divergence from the teacher, and falls; a model without a distance to go stays."""
    first = corrie.widen(model, out=tmp_path / "one", **{**SHORT, "rate": 3e-3})
    terms: dict[str, Any] = {**SHORT, "sigma": 0.0, "steps": 40, "rate": 1e-3}
    alone = corrie.widen(tmp_path / "one", out=tmp_path / "alone", **terms)
    taught = corrie.widen(tmp_path / "one", out=tmp_path / "two", teacher=model, **terms)
    assert (alone.distance, alone.teacher, taught.teacher) == (0.0, "", model.identity.name)
    losses = [float(line.rsplit(",", 1)[1]) for line in (tmp_path / "two" / "steps.csv").read_text().splitlines()[1:]]
    assert losses[0] > 4 * losses[-1] > 0
    assert first.widened.fingerprint != taught.widened.fingerprint


def test_a_teacher_of_other_tokens_is_refused(model: Model, tmp_path: Path) -> None:
    other = toy_model(chat=False)
    with pytest.raises(InputError, match="tokenizers differ"):
        corrie.widen(model, out=tmp_path / "wide", teacher=other, **SHORT)
    assert not list(tmp_path.iterdir())


def test_only_chosen_tensors_change(model: Model, tmp_path: Path) -> None:
    corrie.widen(model, out=tmp_path / "wide", tensors="*q_proj*+*k_proj*", **SHORT)  # balanced among themselves
    own = dict(model.module.named_parameters())
    changed = {n for n, p in corrie.load(tmp_path / "wide").module.named_parameters() if not torch.equal(p, own[n])}
    assert changed == {n for n in own if "q_proj" in n or "k_proj" in n}


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"factor": 0.5}, "factor 0.5: a basin is made wider"),
        ({"sigma": None}, "nothing to choose the noise by"),
        ({"budget": 1.0}, "a budget and steps"),
        ({"steps": None, "budget": 1e-6}, "a step takes"),
        ({"windows": 9}, "9 windows a step: there are 6 of 8 tokens"),
        ({"text": ["nothing.txt/"]}, "no such file"),
        ({"tensors": "*nothing*"}, "nothing"),
        ({"mix": -1.0}, "mix -1: it is no weight of a loss"),
        ({"window": 100_000}, "the model takes 1024 at most"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    model: Model, tmp_path: Path, terms: dict[str, Any], said: str
) -> None:
    with pytest.raises(corrie.CorrieError) as refused:
        corrie.widen(model, out=tmp_path / "wide", **{**SHORT, **terms})
    assert said in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_budget_that_measuring_eats_up_leaves_nothing(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making.SmoothedDescent, "rehearse", lambda *_: 0.001)
    terms = {**SHORT, "measure": True, "steps": None, "budget": 0.01, "most": 16}
    with pytest.raises(InputError, match="text and measuring take"):
        corrie.widen(model, [(toy_choice(model, size=20), 20)], out=tmp_path / "wide", **terms)
    assert not list(tmp_path.iterdir())


def test_a_model_in_low_precision_and_a_place_that_is_taken_are_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"small updates of the weights are lost"):
        corrie.widen(toy_model(dtype=torch.bfloat16), out=tmp_path / "wide", **SHORT)
    (tmp_path / "wide").mkdir()
    (tmp_path / "wide" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="something is there already"):
        corrie.widen(model, out=tmp_path / "wide", **SHORT)
    assert [file.name for file in (tmp_path / "wide").iterdir()] == ["mine.txt"]


def test_both_measurements_are_read_again_whatever_came_last(model: Model, tmp_path: Path) -> None:
    """A stop in the midst of the second: then the same command asks for both once more, in their order."""
    asked = (agreement_on([toy_choice(model, size=20)]), 10)

    def both() -> tuple[str, str]:
        rounded = rounded_landscape(model, asked, tmp_path / "run")
        radii = landscape_of(model, [asked], tmp_path / "run", retention=0.8, most=10)
        return rounded.directions[0].normalisation, radii.directions[0].normalisation

    assert both() == both() == ("path", "none")
