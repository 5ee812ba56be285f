"""What is served is what was certified: the same law, the same scores, the model put back afterwards."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import corrie
from corrie.errors import ClaimError, InputError, ModelError
from corrie.subspaces.smoothed import Smoothed
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

IDS = torch.arange(24).reshape(2, 12)


def logits(module: Any) -> torch.Tensor:
    with torch.no_grad():
        return module(IDS).logits


@pytest.mark.parametrize("kind", ["rows", "core"])
def test_a_certifying_draw_is_scored_as_the_certificate_scored_it(kind: str, request: Any) -> None:
    made = request.getfixturevalue(kind)
    spec = made.certificate.evidence.spec
    served = corrie.smoothed(made.model, (spec.subspace.name, spec.sigma))
    task = toy_choice(size=10)
    wanted = made.certificate.evidence.tasks[0].draws
    assert len(set(wanted)) > 1, "draws that differ, else this could not fail"
    for i in range(0, 80, 20):
        with served.drawn(spec.first + i):
            outcomes = task.score(made.model.reader(), 0, 10)
        assert "".join(str(int(o.success or 0)) for o in outcomes) == wanted[i]


@pytest.mark.parametrize("kind", ["rows", "core"])
def test_a_draw_is_the_merged_weights(kind: str, request: Any) -> None:
    made = request.getfixturevalue(kind)
    served = corrie.smoothed(made.model, made.file, made.tuned)
    slow = copy.deepcopy(made.model.module)
    place = served.adapter_draw(seed=3)
    for layer in served.rows.fixed:
        end = "core" if kind == "core" else "lora_B"
        with torch.no_grad():
            slow.get_submodule(layer).weight += served.rows.change(layer, place[f"{layer}.{end}"]).float()
    before = logits(made.model.module)
    with served.drawn(seed=3) as draw:
        inside = logits(made.model.module)
    assert draw.seed == 3
    assert torch.allclose(inside, logits(slow), atol=2e-5)
    assert not torch.allclose(inside, before, atol=1e-2)
    assert torch.equal(logits(made.model.module), before)


@pytest.mark.parametrize("subspace", ["full", "full:rms", "random:3"])
def test_written_subspaces_are_put_back(subspace: str) -> None:
    model = toy_model()
    before = logits(model.module)
    with corrie.smoothed(model, (subspace, 0.01)).drawn(seed=1):
        assert not torch.equal(logits(model.module), before)
    assert torch.equal(logits(model.module), before)


def test_the_law_of_a_draw(rows: Any) -> None:
    """Mean x', standard deviation σ, independent from seed to seed, on the lattice."""
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    center = torch.cat([t.reshape(-1) for t in served.center.values()])
    drawn = torch.stack([torch.cat([t.reshape(-1) for t in served.adapter_draw(s).values()]) for s in range(400)])
    noise = (drawn - center) / served.sigma
    assert noise.mean(0).abs().max() < 5 / 400**0.5
    assert abs(float(noise.std()) - 1) < 0.03
    assert abs(float((noise[1:] * noise[:-1]).mean())) < 5 / noise.numel() ** 0.5
    step = 2.0**served.lattice
    assert torch.equal(drawn, (drawn / step).round() * step)


def test_fresh_draws_have_seeds_of_their_own_and_can_be_repeated(rows: Any) -> None:
    served = corrie.smoothed(rows.model, rows.file)
    found = []
    for _ in range(2):
        with served.drawn() as draw:
            found.append((draw.seed, logits(rows.model.module)))
    (one, first), (two, second) = found
    assert one != two
    assert not torch.equal(first, second)
    with served.drawn(one):
        assert torch.equal(logits(rows.model.module), first)


def test_it_is_put_back_when_the_block_raises_and_does_not_nest(rows: Any) -> None:
    served = corrie.smoothed(rows.model, rows.file)
    before = logits(rows.model.module)
    with pytest.raises(KeyError), served.drawn():
        raise KeyError
    with served.drawn(), pytest.raises(InputError, match="another draw already"), served.drawn():
        pass
    assert torch.equal(logits(rows.model.module), before)
    with served.drawn():
        pass


def test_it_generates(rows: Any) -> None:
    served = corrie.smoothed(rows.model, (rows.certificate.evidence.spec.subspace.name, 4.0))
    tokens = rows.model.tokenizer("toys", return_tensors="pt").input_ids
    options = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0}
    said = set()
    for seed in range(4):
        with served.drawn(seed):
            said.add(tuple(rows.model.module.generate(tokens, **options)[0].tolist()))
    assert len(said) > 1


def test_the_certificates_own_seeds_are_refused(rows: Any) -> None:
    served = corrie.smoothed(rows.model, rows.file)
    spec = rows.certificate.evidence.spec
    for seed in (spec.first, spec.first + spec.draws - 1, spec.selection.first):
        with pytest.raises(InputError, match="would not be independent"):
            served.adapter_draw(seed)
    served.adapter_draw(spec.first + spec.draws)
    with pytest.raises(InputError, match="not from 0"):
        served.adapter_draw(-1)


def test_it_says_what_is_certified_where_it_is(rows: Any) -> None:
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    assert served.stated is not None
    assert served.stated.distance == served.distance > 0
    assert f"with confidence 0.99: {served.stated.finding}" in str(served)
    assert "nothing is certified" in str(Smoothed(rows.model, served.space, 1.0, None))


def test_other_models_are_refused(rows: Any) -> None:
    with pytest.raises(ModelError, match="the weights' fingerprint"):
        corrie.smoothed(toy_model(seed=1), rows.file)
    with pytest.raises(ModelError, match="precision is float32 there and bfloat16 here"):
        corrie.smoothed(toy_model(dtype=torch.bfloat16), rows.file)
    with pytest.raises(ModelError, match="the tokenizer's"):
        corrie.smoothed(toy_model(chat=False), rows.file)


def test_other_subspaces_and_strange_adapters_are_refused(rows: Any, core: Any) -> None:
    with pytest.raises(InputError, match="is in one of them only"):
        corrie.smoothed(rows.model, rows.file, core.tuned)
    with pytest.raises(InputError, match="sigma 0"):
        corrie.smoothed(rows.model, ("full", 0.0))
    with pytest.raises(InputError, match="no model"):
        corrie.smoothed(None, ("full", 1.0))


def test_a_certificate_that_was_changed_is_refused(rows: Any, tmp_path: Any) -> None:
    for file in rows.file.parent.glob("*.json"):
        text = file.read_text()
        (tmp_path / file.name).write_text(text.replace('"sigma":0.125', '"sigma":0.25'))
    with pytest.raises(ClaimError, match="it was changed"):
        corrie.smoothed(rows.model, tmp_path / rows.file.name)
