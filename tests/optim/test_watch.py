"""Where a fine-tune stands: distances, fractions and certified radii against arithmetic by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from corrie.errors import ClaimError, InputError
from corrie.optim import BasinWatch, choose


def moved(watch_options: dict | None = None) -> tuple[nn.Linear, BasinWatch]:
    model = nn.Linear(10, 10, bias=False)
    watch = BasinWatch(model, {"math": 0.02, "code": 0.1}, **(watch_options or {}))
    with torch.no_grad():
        model.weight.add_(0.05)
    return model, watch


def test_numbers_by_hand():
    _, watch = moved({"certified": {"math": 0.7, "code": 0.2}})
    here = watch.measure()
    assert here.distance == pytest.approx(0.5, rel=1e-6)  # 0.05·√100
    assert here.moved == here.distance
    assert here.dimension == 100
    assert here.sigma_equivalent == pytest.approx(0.05, rel=1e-6)
    assert dict(here.used) == pytest.approx({"math": 2.5, "code": 0.5}, rel=1e-6)
    assert dict(here.certified_left) == pytest.approx({"math": 0.2, "code": -0.3}, rel=1e-5)
    assert here.most_used == ("math", pytest.approx(2.5))
    assert dict(here.certified_used) == pytest.approx({"math": 5 / 7, "code": 2.5}, rel=1e-5)
    assert here.past(0.4) == ("math", "code (certified)", "math (certified)", "code")
    assert here.past(1.0) == ("math", "code (certified)")
    assert str(here) == (
        "distance 0.5 from the base (σ 0.05): math 250 % of its basin radius, code 50 %; "
        "certified radius left: math 0.2, code none"
    )
    assert here.as_log() == pytest.approx(
        {
            "basin/distance": 0.5,
            "basin/sigma_equivalent": 0.05,
            "basin/used/math": 2.5,
            "basin/used/code": 0.5,
            "basin/certified_left/math": 0.2,
            "basin/certified_left/code": -0.3,
        },
        rel=1e-5,
    )


def test_a_limit_is_kept_or_refused():
    _, watch = moved()
    here = watch.measure()
    assert here.require(2.6) is here
    with pytest.raises(ClaimError, match="math is at 250 %") as refusal:
        here.require(0.8)
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, "1"])
def test_a_limit_that_cannot_be_meant_is_refused(limit):
    _, watch = moved()
    with pytest.raises(InputError, match="no positive share"):
        watch.measure().require(limit)


def test_without_a_radius_nothing_can_be_required():
    with pytest.raises(InputError, match="no radius is known"):
        BasinWatch(nn.Linear(3, 3)).measure().require()


def test_weights_that_are_no_numbers_are_past_every_limit():
    model, watch = moved()
    model.weight.data[0, 0] = math.nan
    with pytest.raises(ClaimError, match="math is at nan %"):
        watch.measure().require(1e9)


def test_tensors_that_are_given_count_once_and_must_be_tensors():
    model = nn.Linear(3, 1, bias=False)
    watch = BasinWatch(model, tensors=[model.weight, model.weight])
    model.weight.data.add_(1.0)
    assert watch.measure().distance == pytest.approx(math.sqrt(3), rel=1e-6)
    for given in ("*.weight", []):
        with pytest.raises(InputError, match="BasinWatch\\(tensors"):
            BasinWatch(model, tensors=given)


@pytest.mark.parametrize(
    "options",
    [{"lora_bias": True}, {"modules_to_save": ["embed_tokens"]}, {"modules_to_save": ["norm"]}, {}],
)
def test_the_weights_of_an_adapted_model_are_those_of_its_base(tiny, options):
    from peft import LoraConfig, get_peft_model

    base = tiny.model()
    weights = sum(p.numel() for p in base.parameters())
    assert BasinWatch(get_peft_model(base, LoraConfig(r=2, target_modules=["v_proj"], **options))).dimension == weights


def test_adapters_put_on_afterwards_are_not_missed(tiny):
    from peft import LoraConfig, get_peft_model

    base = tiny.model()
    watch = BasinWatch(base, {"math": 1.0})
    get_peft_model(base, LoraConfig(r=2, target_modules=["v_proj"]))
    with pytest.raises(InputError, match="after get_peft_model"):
        watch.measure()


def test_a_module_that_peft_trains_a_copy_of_counts_once(tiny):
    from peft import LoraConfig, get_peft_model

    base = tiny.model()
    weights = sum(p.numel() for p in base.parameters())
    net = get_peft_model(base, LoraConfig(r=2, target_modules=["v_proj"], modules_to_save=["norm"]))
    watch = BasinWatch(net)
    assert watch.dimension == weights
    (copy,) = choose(net, "*model.norm.modules_to_save*")
    copy.data.add_(1.0)
    assert watch.measure().distance == pytest.approx(math.sqrt(copy.numel()), rel=1e-6)


def test_noise_of_sigma_has_the_sigma_equivalent_sigma():
    torch.manual_seed(0)
    model = nn.Linear(300, 300)
    watch = BasinWatch(model)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.01 * torch.randn_like(p))
    here = watch.measure()
    assert here.sigma_equivalent == pytest.approx(0.01, rel=0.02)
    assert (here.used, here.most_used, here.certified_left) == ({}, None, {})


def test_tied_weights_count_once_and_frozen_ones_count_in_the_dimension(tiny):
    net = tiny.model()
    total = sum(p.numel() for p in net.parameters())
    for p in net.parameters():
        p.requires_grad_(False)
    some = choose(net, "*layers.0*")
    for p in some:
        p.requires_grad_(True)
    watch = BasinWatch(net)
    assert watch.dimension == total
    assert BasinWatch(net, dimension=7).dimension == 7
    with torch.no_grad():
        some[0].add_(1.0)
    assert watch.measure().distance == pytest.approx(math.sqrt(some[0].numel()), rel=1e-6)
    assert BasinWatch(net, tensors=some[1:]).measure().distance == 0.0


def test_adapters_are_measured_as_they_act_and_certificates_in_their_own_space(tiny):
    from peft import LoraConfig, get_peft_model

    base = tiny.model()
    dimension = sum(p.numel() for p in base.parameters())
    net = get_peft_model(base, LoraConfig(r=2, lora_alpha=8, target_modules=["v_proj"]))
    with pytest.raises(InputError, match="its A is trained"):
        BasinWatch(net, certified={"math": 1.0})
    frozen, trained = choose(net, "*lora_A*"), choose(net, "*lora_B*")
    for p in frozen:
        p.requires_grad_(False)
    watch = BasinWatch(net, {"math": 0.01}, certified={"math": 3.0})
    full = BasinWatch(net, certified={"math": 3.0}, certified_in="weights")
    torch.manual_seed(0)
    with torch.no_grad():
        for p in trained:
            p.normal_()
    here = watch.measure()
    in_b = math.sqrt(sum(float(p.detach().double().square().sum()) for p in trained))
    merged = math.sqrt(
        sum(
            float(m.get_delta_weight("default").detach().double().square().sum())
            for m in net.modules()
            if hasattr(m, "get_delta_weight")
        )
    )
    assert here.moved == pytest.approx(in_b, rel=1e-6)
    assert here.distance == pytest.approx(merged, rel=1e-5)
    assert here.dimension == dimension
    assert here.sigma_equivalent == pytest.approx(merged / math.sqrt(dimension), rel=1e-5)
    assert here.certified_left["math"] == pytest.approx(3.0 - in_b, rel=1e-5)
    assert full.measure().certified_left["math"] == pytest.approx(3.0 - merged, rel=1e-4)


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_radius_is_refused(radius: float):
    with pytest.raises(InputError, match="basin radius"):
        BasinWatch(nn.Linear(2, 2), {"math": radius})
    with pytest.raises(InputError, match="certified radius"):
        BasinWatch(nn.Linear(2, 2), certified={"math": radius})


@pytest.mark.parametrize(
    "options", [{"certified_in": "adapter"}, {"dimension": -1}, {"dimension": 0}, {"radii": [0.1]}, {"radii": 0.1}]
)
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(InputError):
        BasinWatch(nn.Linear(2, 2), **options)


def test_nothing_to_watch_is_refused():
    model = nn.Linear(2, 2)
    model.requires_grad_(False)
    with pytest.raises(InputError, match="no parameter requires a gradient"):
        BasinWatch(model)
