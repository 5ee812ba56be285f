"""Run by test_two_devices.py: a model over two devices against the same model on one. Writes what it has shown."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import dispatch_model
from tests.models.far_devices import FarDevices, make_devices

from corrie.models import spread
from corrie.models.load import from_module, load
from corrie.models.model import Model
from corrie.records.direction import Gaussian
from corrie.records.point import Point, Step
from corrie.testing.toy_models import byte_tokenizer, toy_model, toy_module
from corrie.testing.toy_tasks import toy_choice
from corrie.verbs import certify
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.perturbed import moving

MAP = {
    "model.embed_tokens": "far:0",
    "model.rotary_emb": "far:0",
    "model.layers.0": "far:0",
    "model.layers.1": "far:1",
    "model.norm": "far:1",
    "lm_head": "far:0",
}


def over_two() -> Model:
    module: Any = dispatch_model(toy_module(), MAP)
    return from_module(module, byte_tokenizer(), name=toy_model().identity.name)


def same(one: Model, two: Model) -> None:
    """Identity, engine and what moves; the two places of the tied tensor are one."""
    assert two.device == "far:0, far:1"
    assert two.identity == one.identity
    assert two.engine == one.engine, (one.engine, two.engine)
    assert list(two.selection.tied) == list(one.selection.tied)


def points(one: Model, two: Model) -> None:
    """Every law, kept and drawn again: the same weights to the bit, on either device, and back."""
    for draw in ("keep", "again"):
        with moving(one.selection) as here, moving(two.selection, draw=draw) as there:
            for laws in (("none", "filter"), ("unit", "layer")):
                point = Point(steps=tuple(Step(direction=Gaussian(seed=3, normalisation=n), alpha=0.01) for n in laws))
                found, told = there.to(point), here.to(point)
                assert model_fingerprint(two.module) == model_fingerprint(one.module)
                assert found.asked == pytest.approx(told.asked, rel=1e-6)
        assert model_fingerprint(two.module) == two.identity.fingerprint


def scores(one: Model, two: Model) -> None:
    """Likelihoods by a tree and texts in a batch, at a point."""
    task = toy_choice(one)
    point = Point.along(Gaussian(seed=1), 0.05)
    with moving(one.selection) as here, moving(two.selection) as there:
        here.to(point)
        there.to(point)
        pairs = zip(task.score(one.reader(), 0, 10), task.score(two.reader(), 0, 10), strict=True)
        assert all(abs(a.loss - b.loss) < 1e-4 for a, b in pairs)
        prompts = ["one", "one and two", "three"]
        assert [w.text for w in one.reader().write(prompts, 8)] == [w.text for w in two.reader().write(prompts, 8)]


def loaded(_one: Model, _two: Model) -> None:
    """From a folder by a device map of its own."""
    spread.pick_device = torch.device  # these devices are known to this test alone
    with tempfile.TemporaryDirectory() as place:
        toy_module().save_pretrained(place)
        byte_tokenizer().save_pretrained(place)
        one, two = load(place), load(place, device_map=MAP)
    assert two.identity == one.identity
    assert two.device == "far:0, far:1"
    assert two.recipe is not None
    assert two.recipe.device_map == MAP


def certified(*models: Model) -> None:
    """Rows of a batch that each have a change of their own, and noise in all weights."""
    for subspace in ("adapter:q_proj:1", "full"):
        terms: Any = {"subspace": subspace, "sigma": 0.01, "distance": 0.01, "confidence": 0.5}
        terms |= {"draws": 8, "selection_draws": 2}  # every operation on such a device is Python's
        one, two = (certify(model, [(toy_choice(models[0]), 10)], **terms) for model in models)
        assert two.finding == one.finding
        assert "at least" in one.finding


PARTS = (same, points, scores, certified, loaded)


def main(said: Path) -> None:
    """All of it, with a line for each part."""
    one = toy_model()
    assert one.engine.tree
    make_devices()
    with FarDevices(), said.open("w", encoding="utf-8") as lines:
        two = over_two()
        for part in PARTS:
            part(one, two)
            lines.write(f"{part.__name__}\n")
