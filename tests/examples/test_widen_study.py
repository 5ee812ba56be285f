"""The study's table is that of its results, and its settings are valid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from corrie.models.model import Model
from corrie.questions.widening import WideningQuestion
from corrie.testing.toy_models import toy_model
from corrie.widening.course import Course

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "widen_study"


@pytest.fixture(scope="module")
def load(modules_of: Any) -> Iterator[Any]:
    with modules_of(FOLDER) as load:
        yield load


@pytest.mark.parametrize("model", ["small", "smollm2"])
def test_the_page_shows_what_the_results_say(load: Any, model: str) -> None:
    page = (ROOT / "docs" / "widen.md").read_text(encoding="utf-8")
    heads, *rows = load("table").table(model)
    assert len(rows) == len(list((FOLDER / "results" / model).glob("*.json"))) > 0
    for cells in (heads, *rows):
        assert f"| {' | '.join(cells)} |" in page, f"python examples/widen_study/table.py {model}"


def test_every_setting_is_a_question_or_another_method(load: Any) -> None:
    methods = load("baselines").METHODS
    for settings in load("settings").SETTINGS.values():
        for setting in settings.values():
            terms = {name: value for name, value in setting.items() if name != "text"}
            assert terms["method"] in methods if "method" in terms else WideningQuestion(**terms).steps is not None


ROWS = torch.arange(6 * 10).view(6, 10) % 90 + 5
SHORT: dict[str, Any] = {"steps": 3, "windows": 2, "rate": 0.01, "seed": 1}


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize(
    ("method", "terms"),
    [("function-sam", {"rho": 0.0}), ("relative", {"sigma": 0.0})],
    ids=["function-sam", "relative"],
)
def test_at_the_unmoved_model_there_is_nothing_to_learn(load: Any, model: Model, method: str, terms: Any) -> None:
    found = load("baselines").trained(model, ROWS, {**SHORT, "method": method, **terms})
    assert torch.equal(weights(found.module), weights(model.module))
    assert found.loss == 0


def test_go_without_noise_is_fine_tuning(load: Any, model: Model) -> None:
    one, two = (load("baselines").trained(model, ROWS, {**SHORT, **terms})
                for terms in ({"method": "fine-tune"}, {"method": "go", "sigma": 0.0}))  # fmt: skip
    assert torch.equal(weights(one.module), weights(two.module))


def test_sam_without_a_radius_is_fine_tuning(load: Any, model: Model) -> None:
    pytest.importorskip("pytorch_optimizer")
    one, two = (load("baselines").trained(model, ROWS, {**SHORT, **terms})
                for terms in ({"method": "fine-tune"}, {"method": "sam", "rho": 1e-9}))  # fmt: skip
    assert (two.tokens, one.tokens) == (2 * 3 * 2 * 10, 3 * 2 * 10)
    assert torch.dist(weights(one.module), weights(model.module)) > 0.1
    torch.testing.assert_close(weights(one.module), weights(two.module), rtol=1e-3, atol=1e-4)


def test_averages_of_a_run_are_of_its_steps_and_share_it(load: Any, model: Model, tmp_path: Path) -> None:
    train, plain = load("baselines").trained, {**SHORT, "method": "fine-tune"}
    start, end = weights(model.module), weights(train(model, ROWS, plain, tmp_path).module)
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    means = [weights(train(model, ROWS, {**plain, "average": a}, tmp_path).module) for a in (0.99, "uniform")]
    assert (kept.stat().st_mtime_ns, list(tmp_path.iterdir())) == (written, [kept])
    for mean in means:
        assert 0 < torch.dist(mean, start) < torch.dist(end, start)
    assert torch.dist(means[0], start) < torch.dist(means[1], start)  # it hardly leaves the first step


def test_an_anchor_keeps_a_fine_tune_nearer(load: Any, model: Model) -> None:
    plain = {**SHORT, "method": "fine-tune"}
    start, end, held = (weights(m) for m in (
        model.module, *(load("baselines").trained(model, ROWS, {**plain, **terms}).module
                        for terms in ({}, {"prior": 50.0}))))  # fmt: skip
    assert 0 < torch.dist(held, start) < torch.dist(end, start)


@pytest.mark.parametrize(
    ("method", "terms"),
    [
        ("ivon", {"samples": 1e4, "hessian": 0.1}),
        ("function-sam", {"rho": 0.3}),
        ("relative", {"sigma": 0.01}),
        ("go", {"sigma": 0.01}),
    ],
)
def test_the_others_move(load: Any, model: Model, method: str, terms: Any) -> None:
    if method == "ivon":
        pytest.importorskip("ivon")
    setting = {**SHORT, "method": method, **terms}
    one, two = (load("baselines").trained(model, ROWS, setting) for _ in range(2))
    assert torch.dist(weights(one.module), weights(model.module)) > 0
    assert torch.equal(weights(one.module), weights(two.module))
    assert one.loss > 0


def test_a_rate_that_falls_at_the_end_stands_before(load: Any) -> None:
    course = Course(steps=100, sigma=0.0, rate=1.0)
    shares = [load("baselines")._rate_share(course, step, 0.1) for step in range(100)]
    assert shares[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert set(shares[4:91]) == {1.0}
    assert shares[91:] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
