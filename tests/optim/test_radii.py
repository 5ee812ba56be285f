"""Radii as a user has them: numbers, a scan's landscape or folder, a certificate or its file."""

from __future__ import annotations

import dataclasses
import math
import shutil
import warnings
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import corrie
from corrie.errors import InputError, RunError
from corrie.optim import BasinWatch, choose, freeze_down
from corrie.optim.radii import Radii
from corrie.records.model import SelectionSpec
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import KINDS, cliff_run, identity
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run."""
    run = tmp_path_factory.mktemp("scan") / "run"
    with SqliteStore.create_or_open(run, identity()) as store:
        cliff_run(store, directions=4, examples=60)
    return run


@pytest.fixture(scope="module")
def landscape(folder: Path) -> corrie.Landscape:
    """What it says, whoever reads it."""
    return corrie.Landscape.open(folder)


@cache
def certified(subspace: str) -> corrie.Certificate:
    """A certificate of the toy."""
    return corrie.certify(toy_model(), [(toy_choice(), 10)], subspace=subspace, sigma=0.01, draws=60)


def test_a_landscape_gives_what_its_basins_say(landscape):
    radii = Radii.of_basins(landscape)
    basins = {basin.task: basin for basin in landscape.basins()}
    assert set(radii.values) == {"language", "knowledge", "math", "code", "reasoning"}
    assert radii.values == {name: basin.sigma for name, basin in basins.items()}
    assert radii.lows == {name: basin.sigma_low for name, basin in basins.items()}
    assert radii.dimension == landscape.model.dimension
    assert radii.model == landscape.model
    assert Radii.of_basins(landscape.basins()).values == radii.values
    assert Radii.of_basins(basins["math"]).values == {"math": basins["math"].sigma}
    assert Radii.of_basins({"sums": basins["math"]}).values == {"sums": basins["math"].sigma}


def test_the_folder_of_a_scan_will_do(folder: Path, landscape):
    weights = landscape.model.parameters
    model = nn.Linear(weights, 1, bias=False, device="meta")
    watch = BasinWatch(model, folder)
    assert watch.radii == {basin.task: basin.sigma for basin in landscape.basins()}
    assert watch.dimension == weights
    assert BasinWatch(model, landscape, dimension=7).dimension == 7
    with pytest.raises(InputError, match="the radii of toy, 134,515,008 weights: this model has 12"):
        BasinWatch(nn.Linear(3, 3), str(folder))


def test_a_basin_without_an_edge_counts_with_the_largest_sigma_tried():
    near = AlphaGrid(low=0.0, high=0.001, count=3)
    landscape = corrie.Landscape.from_store(cliff_run(directions=3, examples=60, alphas=near))
    assert landscape.basin("math").status == "beyond_range"
    assert Radii.of_basins(landscape).values["math"] == 0.001


def test_what_has_no_radius_is_left_out_and_said():
    unable = [kind._replace(ability=0.0) if kind.capability == "math" else kind for kind in KINDS]
    landscape = corrie.Landscape.from_store(cliff_run(directions=3, examples=60, kinds=unable))
    assert landscape.basin("math").status == "absent"
    radii = Radii.of_basins(landscape)
    assert "math" not in radii.values
    assert "no such capability" in radii.left_out["math"]
    with pytest.raises(InputError, match="math: no such capability"):
        Radii.of_basins(landscape.basin("math"))
    model = nn.Linear(3, 3)
    with pytest.warns(UserWarning, match="basin watch: math is left out"):
        BasinWatch(model, [landscape.basin("math"), landscape.basin("code")])


def test_the_share_used_comes_with_what_the_interval_allows(landscape):
    basin = dataclasses.replace(landscape.basin("math"), sigma=0.02, sigma_low=0.01, dimension=100)
    open_ended = dataclasses.replace(landscape.basin("code"), sigma=0.1, sigma_low=0.0, dimension=100)
    model = nn.Linear(10, 10, bias=False)
    watch = BasinWatch(model, (basin, open_ended))
    assert "at most" not in str(watch.measure())
    with torch.no_grad():
        model.weight.add_(0.01)
    here = watch.measure()
    assert dict(here.used) == pytest.approx({"math": 0.5, "code": 0.1}, rel=1e-5)
    assert here.used_at_most["math"] == pytest.approx(1.0, rel=1e-5)
    assert math.isinf(here.used_at_most["code"])
    assert str(here).endswith(
        "math 50 % of its basin radius (at most 100 %), code 10 % (or any share: the radius's interval reaches 0)"
    )


def test_basins_of_several_models_are_refused(landscape):
    other = dataclasses.replace(landscape.basin("code"), dimension=7)
    with pytest.raises(InputError, match="of 2 dimensions"):
        Radii.of_basins([landscape.basin("math"), other])


def test_no_run_and_no_radius(tmp_path: Path):
    with pytest.raises(RunError):
        Radii.of_basins(tmp_path / "nothing")
    with pytest.raises(InputError, match="basin radius None of math"):
        Radii.of_basins({"math": None})
    with pytest.raises(InputError, match="no radius by name"):
        Radii.of_basins([0.1])


def test_a_basin_that_is_lost_at_once_counts_with_the_smallest_sigma_tried():
    far = AlphaGrid(low=0.04, high=0.08, count=3)
    landscape = corrie.Landscape.from_store(cliff_run(directions=3, examples=60, alphas=far))
    assert landscape.basin("math").status == "before_first_step"
    radii = Radii.of_basins(landscape)
    assert (radii.values["math"], radii.lows["math"]) == (0.04, 0.0)


def test_of_a_run_with_other_scans_the_random_one_is_read(tmp_path: Path, folder: Path, landscape):
    shutil.copytree(folder, tmp_path / "run")
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        spec, versions = store.specs()[0]
        unit = spec.model_copy(update={"directions": corrie.gaussian(1, "unit")})
        store.record_spec(unit, versions | {"date": "2026-02-01T00:00:00Z"})
    assert corrie.Landscape.open(tmp_path / "run").is_raw is False
    assert Radii.of_basins(tmp_path / "run").values == Radii.of_basins(landscape).values


def test_moves_of_tensors_that_did_not_move_in_the_scan_are_said(landscape):
    model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False))
    some = landscape.model.model_copy(update={"parameters": 18, "selection": SelectionSpec(include=("0.*",))})
    of_some = dataclasses.replace(landscape, model=some)
    with pytest.warns(UserWarning, match=r"1 of 2 trained tensors did not move there \(1\.weight, …\)"):
        BasinWatch(model, of_some)
    model[1].requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BasinWatch(model, of_some)


def test_a_certificate_is_of_what_is_trained():
    """B alone of as many layers and the same rank, all of one model; full certificates of the tensors that move."""
    from peft import LoraConfig, get_peft_model

    of_b = certified("adapter:q_proj:1")

    def adapted(*targets: str, **options) -> nn.Module:
        net = get_peft_model(toy_model().module, LoraConfig(r=1, target_modules=list(targets), **options))
        freeze_down(net)
        return net

    watch = BasinWatch(adapted("q_proj"), certified=of_b)
    assert watch.measure().certified_left == watch.certified
    for other in (
        adapted("q_proj", "v_proj"),
        adapted("q_proj", modules_to_save=["norm"]),
        toy_model().module.requires_grad_(),
    ):
        with pytest.raises(InputError, match="the certified radius left in B"):
            BasinWatch(other, certified=of_b)
    trained_a = adapted("q_proj")
    for a in choose(trained_a, "*lora_A*"):
        a.requires_grad_(True)
    with pytest.raises(InputError, match="its A is trained"):
        BasinWatch(trained_a, certified=of_b, tensors=choose(trained_a, "*lora_B*"))
    with pytest.raises(InputError, match="this model has 12"):
        BasinWatch(nn.Linear(3, 3), certified=certified("full"))


@pytest.mark.parametrize(("subspace", "measure"), [("full", "weights"), ("adapter:q_proj:1", "trained")])
def test_a_certificate_says_its_radius_and_its_distance(tmp_path: Path, subspace: str, measure: str):
    model, certificate = toy_model(), certified(subspace)
    radii = Radii.of_certificates(certificate)
    task = certificate.tasks[0]
    radius = task.radius(task.floor(certificate.retain))
    assert radius is not None
    assert radii.values == {task.task.name: radius}
    assert radii.measure == measure
    assert Radii.of_certificates(certificate.write(tmp_path)).values == radii.values
    if measure == "weights":
        watch = BasinWatch(model.module, certified=certificate, tensors=choose(model, "*"))
        assert watch.measure().certified_left == {task.task.name: radius}
        with pytest.raises(InputError, match="the certificate is 'weights'"):
            BasinWatch(model.module, certified=certificate, certified_in="trained", tensors=choose(model, "*"))


def test_a_certificate_in_another_measure_is_refused():
    certificate = corrie.certify(toy_model(), [(toy_choice(), 10)], subspace="random:2", sigma=0.01, draws=5)
    with pytest.raises(InputError, match="corrie diff --certificate"):
        Radii.of_certificates(certificate)
    with pytest.raises(InputError, match="no radius by name"):
        Radii.of_certificates([0.5])  # type: ignore[arg-type]
