"""Runs whose radii are known, side by side."""

import json
from functools import cache
from pathlib import Path

import pytest

from corrie.analysis.comparison import Comparison, open_runs
from corrie.analysis.landscape import Landscape
from corrie.errors import InputError, RunError, UnknownName
from corrie.records.memory_store import MemoryStore
from corrie.records.model import ModelIdentity
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Store
from corrie.stats.dose_response import radius_ratio
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run, identity

MATH = KINDS[2:3]


@cache
def wider(factor: float, seed: int = 0, examples: int = 60, model: ModelIdentity = MODEL) -> Store:
    """A run whose basin is so many times as wide as the toy's."""
    store = MemoryStore(identity().model_copy(update={"model": model}))
    kinds = [kind._replace(radius=kind.radius * factor) for kind in MATH]
    return cliff_run(store, examples=examples, kinds=kinds, seed=seed, alphas=AlphaGrid.between(0.002, 0.04, 20))


def landscapes(*stores: Store) -> dict[str, Landscape]:
    return {name: Landscape.from_store(store) for name, store in zip("abcdef", stores, strict=False)}


def test_radii_that_are_apart() -> None:
    found = Comparison.of(landscapes(wider(1.0), wider(4.0, seed=1)))
    (difference,) = found.differences
    assert (difference.apart, difference.larger) == (True, "b")
    assert difference.p is not None
    assert difference.p < 1e-4
    assert difference.ratio is not None
    assert difference.ratio.low < 0.25 < difference.ratio.high
    assert str(difference).startswith("math: the basin of b is wider than that of a: ")
    assert str(difference.ratio.turned) in str(difference)
    turned = Comparison.of(landscapes(wider(4.0, seed=1), wider(1.0)))
    assert turned.differences[0].larger == "a"


def test_within_a_run_no_order_is_claimed_that_the_intervals_do_not_tell() -> None:
    """Two of a like radius, one of four times that, and one that cannot be seen at all."""
    math = MATH[0]
    near, far = (math._replace(capability=name, radius=math.radius * by) for name, by in (("near", 1.05), ("far", 4.0)))
    weak = KINDS[1]._replace(capability="chess", ability=0.22)
    run = cliff_run(examples=40, kinds=(math, near, far, weak), alphas=AlphaGrid.between(0.002, 0.06, 30))
    found = Comparison.of(landscapes(run, wider(1.0)))
    assert found.nested(0)[-1] == "far"
    assert found.order(0).before == {("math", "far"), ("near", "far")}
    text = str(found).splitlines()[1]
    assert text.count(" < ") == 1
    assert " < far " in text
    assert "chess: no such capability. " in text
    assert found.to_json()["runs"][0]["before"] == [["math", "far"], ["near", "far"]]
    assert found.to_json()["runs"][1]["before"] == []


def test_equal_basins_are_not_told_apart() -> None:
    (difference,) = Comparison.of(landscapes(wider(1.0), wider(1.0, seed=7))).differences
    assert (difference.apart, difference.larger) == (False, "")
    assert difference.p is not None
    assert difference.p > 0.05


def test_it_is_the_ratio_of_the_radii_that_are_shown() -> None:
    found = Comparison.of(landscapes(wider(1.0), wider(1.25, seed=1)))
    (difference,) = found.differences
    one, two = (basins["math"].measured for basins in found.basins)
    assert one is not None
    assert two is not None
    assert difference.ratio == radius_ratio(one, two)
    assert difference.p == difference.ratio.p, "one pair alone needs no adjustment"
    assert (difference.apart, difference.larger) == (False, "")
    assert "a and b are not told apart (ratio 0.7" in str(difference)


def test_intervals_that_assume_no_shape_must_not_meet() -> None:
    """Scores between 0 and 1: no curve, so the crossed intervals at the confidence that all pairs share."""

    def graded(store: Store) -> Landscape:
        found = Landscape.from_store(store)
        for block in found.blocks.values():
            block.moved.score[...] = 0.1 + 0.8 * block.moved.score
            block.unmoved.score[...] = 0.1 + 0.8 * block.unmoved.score
        return found

    equal = Comparison.of({"a": graded(wider(1.0)), "b": graded(wider(1.25, seed=1))}).differences[0]
    assert (equal.p, equal.larger) == (1.0, "")
    apart = Comparison.of({"a": graded(wider(1.0)), "b": graded(wider(4.0, seed=1))}).differences[0]
    assert (apart.p, apart.larger) == (pytest.approx(0.05), "b")


def test_pairs_share_the_error() -> None:
    """The same two runs among four: Holm makes p larger."""
    runs = (wider(1.0), wider(1.25, seed=1), wider(1.0, seed=2), wider(1.0, seed=3))
    alone, among = Comparison.of(landscapes(*runs[:2])), Comparison.of(landscapes(*runs))
    assert len(among.differences) == 6
    assert among.differences[0].p is not None
    assert alone.differences[0].p is not None
    assert among.differences[0].p > alone.differences[0].p
    assert among.basins[0] == alone.basins[0], "what is shown is at the confidence asked for"


def test_the_fewest_examples_are_used_for_all() -> None:
    found = Comparison.of(landscapes(wider(1.0, examples=60), wider(1.0, examples=40)))
    assert {basins["math"].examples for basins in found.basins} == {40}


def test_units() -> None:
    there = MODEL.model_copy(update={"fingerprint": "0" * 64, "dimension": 4 * MODEL.dimension})
    runs = landscapes(wider(1.0), wider(1.0, model=there))
    for unit, ratio in (("sigma", 1.0), ("l2", 2.0), ("relative", 2.0)):
        found = Comparison.of(runs, unit=unit)
        assert found.scales[1] / found.scales[0] == pytest.approx(ratio)
    assert Comparison.of(runs, unit="sigma").differences[0].p == 1.0
    l2 = Comparison.of(runs, unit="l2")
    assert l2.differences[0].larger == "b"
    assert f"{l2.basins[1]['math'].l2:.3g}" in l2.radius(1, "math")


def test_edges_beyond_what_both_looked_at_are_ties() -> None:
    short = cliff_run(directions=8, examples=60, kinds=MATH, alphas=AlphaGrid.between(0.001, 0.003, 3))
    found = Comparison.of(landscapes(short, wider(4.0, seed=1)))
    assert (found.differences[0].p, found.differences[0].larger) == (1.0, "")
    assert found.radius(0, "math").startswith("> 0.003")


def test_how_they_nest_and_what_is_missing() -> None:
    whole, part = cliff_run(directions=3, examples=40), cliff_run(directions=3, examples=40, kinds=KINDS[1:3])
    found = Comparison.of(landscapes(whole, part))
    assert found.nested(0)[0] == "math"
    assert found.nested(1) == ("math", "knowledge")
    assert [d.task for d in found.differences] == ["knowledge", "math"]
    assert found.radius(1, "language") == "not measured"
    text = str(found)
    assert "b: math 0.00" in text
    assert "* indicative" in text
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [run["name"] for run in plain["runs"]] == ["a", "b"]
    assert plain["differences"][0]["task"] == "knowledge"


def test_runs_by_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with SqliteStore.create_or_open(tmp_path / name, identity()) as store:
            cliff_run(store, directions=1, examples=10, kinds=MATH, alphas=AlphaGrid.between(0.002, 0.02, 2))
    assert list(open_runs([tmp_path / "one", tmp_path / "two"])) == ["toy (one)", "toy (two)"]
    with pytest.raises(InputError, match="there twice"):
        open_runs([tmp_path / "one", tmp_path / "one"])
    with pytest.raises(RunError):
        open_runs([tmp_path / "one", tmp_path / "none"])


def test_what_cannot_be_compared() -> None:
    one = cliff_run(directions=2, examples=10, kinds=MATH)
    with pytest.raises(InputError, match="1 run"):
        Comparison.of(landscapes(one))
    with pytest.raises(UnknownName):
        Comparison.of(landscapes(one, one), unit="metres")
    with pytest.raises(InputError, match="no radius"):
        Comparison.of(landscapes(one, cliff_run(directions=2, examples=10, normalisation="layer")))
    with pytest.raises(RunError, match="no task was measured by two"):
        Comparison.of(landscapes(one, cliff_run(directions=2, examples=10, kinds=KINDS[:1])))
    other = cliff_run(directions=2, examples=10, kinds=[MATH[0]._replace(scoring="choice")])
    with pytest.raises(RunError, match="another task of that name"):
        Comparison.of(landscapes(one, other))
