"""The parts of the GO study that have known answers, on a model of one layer."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

STUDY = Path(__file__).parents[2] / "examples" / "go_study"


@pytest.fixture(scope="module")
def part(modules_of):
    """A module of the example by its name."""
    with modules_of(STUDY) as load:
        yield load


@pytest.fixture
def tiny(part):
    return part("ladder").Size("tiny", 16, 24, 1, 2, tokens=2_560, batch=2, lr=1e-2)


def ids(count: int) -> list[torch.Tensor]:
    return list(torch.randint(64, (count, 2, 128), generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(
    "recipe",
    ["adamw", "dropout", "go-0.04", "go-0.04-pairs", "go-0.04-mixed", "go-relative", "local-0.04", "sam", "ivon"],
)
def test_every_way_of_training_learns_and_leaves_a_plain_model(part, tiny, recipe):
    recipe_passes = 2 if recipe == "sam" else 1
    chosen = part("recipes").RECIPES[recipe]
    asked = []

    def batches(count: int) -> list[torch.Tensor]:
        asked.append(count)
        return ids(count)

    model = part("training").pretrain(tiny, chosen, 0, batches)
    assert asked == [tiny.steps // recipe_passes]
    loss_of, before = part("training").loss_of, part("ladder").build(tiny, 0).eval()
    batch = ids(1)[0]
    with torch.no_grad():
        assert float(loss_of(model, batch)) < float(loss_of(before, batch))
        assert torch.equal(loss_of(model, batch), loss_of(model, batch))  # no noise and no dropout are left


@pytest.mark.parametrize("recipe", ["go-0.04", "go-0.04-pairs", "go-0.04-mixed"])
def test_without_noise_every_split_of_a_batch_is_adamw(part, tiny, recipe):
    recipes, pretrain = part("recipes").RECIPES, part("training").pretrain
    still = dataclasses.replace(recipes[recipe], sigma=0.0)
    one, other = (pretrain(tiny, chosen, 0, ids) for chosen in (recipes["adamw"], still))
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-5)


def test_half_of_a_mixed_batch_is_seen_at_the_weights_themselves(part, tiny, monkeypatch):
    training = part("training")
    seen, loss_of = [], training.loss_of

    def spy(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        seen.append((len(batch), next(model.parameters()).detach().clone()))
        return loss_of(model, batch)

    monkeypatch.setattr(training, "loss_of", spy)
    training.pretrain(tiny, part("recipes").RECIPES["go-0.04-mixed"], 0, ids)
    start = next(part("ladder").build(tiny, 0).parameters())
    (clean, still), (noisy, moved) = seen[:2]
    assert (clean, noisy) == (1, 1)
    assert torch.equal(still, start)
    assert not torch.equal(moved, start)


def test_rescaling_changes_no_prediction(part, tiny):
    model = part("ladder").build(tiny, 0).eval()
    batch = ids(1)[0]
    with torch.no_grad():
        before = model(input_ids=batch).logits
        part("rescaling").rescale(model, 4.0)
        assert torch.allclose(model(input_ids=batch).logits, before, atol=1e-3)
    assert model.model.norm.weight[0].item() == 0.25


def test_a_scaled_recipe_begins_as_the_rescaled_function(part, tiny):
    build, rescale = part("ladder").build, part("rescaling").rescale
    plain, scaled = build(tiny, 0), build(tiny, 0, scale=3.0)
    rescale(plain, 3.0)
    for one, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-5)


def test_local_noise_is_weight_noise_for_one_token(part):
    torch.manual_seed(0)
    layer, x = nn.Linear(5, 40_000, bias=False), torch.randn(5)
    noise = part("local_noise").LocalNoise(layer)
    noise.sigma = 0.3
    seen = (layer(x) - layer.weight @ x).detach()
    assert float(seen.mean()) == pytest.approx(0.0, abs=0.02)
    assert float(seen.std()) == pytest.approx(0.3 * float(x.norm()), rel=0.02)
    layer.eval()
    assert torch.equal(layer(x), layer.weight @ x)


def test_one_function_at_two_scales_learns_alike(part, tiny):
    """Fine-tuned in units of its scale, the rescaled model stays the same function."""
    build, rescale, fine_tune = part("ladder").build, part("rescaling").rescale, part("training").fine_tune
    plain, scaled = build(tiny, 0).eval(), build(tiny, 0).eval()
    rescale(scaled, 4.0)
    batch = ids(1)[0]
    with torch.no_grad():
        before = plain(input_ids=batch).logits
    fine_tune(plain, ids(8), 1e-2, lambda step: None)
    fine_tune(scaled, ids(8), 1e-2, lambda step: None, scale=4.0)
    with torch.no_grad():
        learned, as_well = (model.eval()(input_ids=batch).logits for model in (plain, scaled))
    assert float((learned - as_well).norm()) < 0.1 * float((learned - before).norm())


def test_one_document_in_twenty_is_for_validation_whatever_stands_beside_it(part):
    is_validation = part("corpus").is_validation
    documents = [f"page {n} of a dictionary" for n in range(4000)]
    chosen = [d for d in documents if is_validation(d)]
    assert len(chosen) == pytest.approx(200, abs=45)  # three standard deviations of a fair draw
    assert chosen == [d for d in reversed(documents) if is_validation(d)][::-1]


def test_the_course_of_the_noise(part):
    course, recipe = part("training").Course, part("recipes").Recipe
    late = course.of(recipe("late", begin=0.1, ramp=0.1), steps=100)
    assert [late(step) for step in (0, 9, 14, 19, 99)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    fading = course.of(recipe("fading", ramp=0.1, fade=0.2), steps=100)
    assert [fading(step) for step in (0, 4, 9, 79, 89, 99)] == [0.1, 0.5, 1.0, 1.0, 0.5, 0.0]
    assert course.of(recipe("flat", ramp=0.0), steps=100)(0) == 1.0


def test_a_crossing_is_read_off_a_parabola(part):
    x = np.array([0.0, 1.0, 2.0, 3.0])
    crossing = part("measuring")._crossing(x**2, 0.05 * x**2, 0.1)
    assert math.sqrt(crossing) == pytest.approx(math.sqrt(2.0))
    assert part("measuring")._crossing(x**2, 0.001 * x**2, 0.1) is None


def test_every_planned_cell_has_its_result_and_nothing_else_has(part):
    planned = {part("study").result_file(cell) for cell in part("plan").PLAN}
    assert planned == set(part("study").RESULTS.glob("[0-9]*_*_*.json"))


def test_forgetting_at_an_equal_code_loss(part):
    looks = [{"prose": 4.0, "code": 6.0}, {"prose": 4.2, "code": 5.0}, {"prose": 4.8, "code": 4.0}]
    table = part("table")
    assert table.forgotten_at({"fine_tune": looks}, 4.5) == pytest.approx(0.5)
    assert table.forgotten_at({"fine_tune": looks}, 6.5) == 0.0
    other = [{"prose": 4.0, "code": 6.0}, {"prose": 4.1, "code": 4.4}]
    assert math.isnan(table.forgotten_at({"fine_tune": looks}, 3.0))
    assert table.beside({"fine_tune": looks}, {"fine_tune": other}) == pytest.approx((4.4, 0.56, 0.1))


def run_of(recipe: str, loss: float, radius: float) -> dict:
    return {"recipe": {"name": recipe}, "loss": loss, "loss_radius": {"sigma": radius}, "rms": 0.5}


def test_the_line_of_adamw_over_loss(part):
    line_of = part("table").Line.of
    recipes = {
        "adamw": [run_of("adamw", 3.9, 0.03), run_of("adamw", 4.1, 0.05)],
        "adamw-x3": [run_of("adamw-x3", 4.0, 9.0)],
        "go-0.04": [run_of("go-0.04", 4.2, 9.0)],
        "adamw-t4": [run_of("adamw-t4", 3.0, 0.01)],
    }
    line = line_of(recipes, "loss_radius", "sigma")
    assert (line.losses, line.values) == ((3.0, 4.0), (0.01, 0.04))  # seeds averaged, other recipes aside
    assert line.at(3.5) == pytest.approx(0.02)
    assert math.isnan(line.at(4.01))
    assert line_of(recipes).at(4.0) == pytest.approx(0.04 / 0.5)
    assert math.isnan(line_of({"adamw": recipes["adamw"]}).at(4.0))
