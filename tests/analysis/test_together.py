"""Curves of several kinds of directions on one axis: units, pairing of examples, and what is refused."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from corrie.analysis.basin import Basin
from corrie.analysis.landscape import Landscape
from corrie.analysis.together import Together, case_of
from corrie.errors import InputError
from corrie.records.cell import Cell, Outcome
from corrie.records.memory_store import MemoryStore
from corrie.records.paths import Adapter, Difference, PathDirection, Quantised, Saved
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised, Store
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run, identity

WORST = Saved(content="d" * 64, name="w.safetensors", origin="ascent for math:20 at toy: loss 1 → 9")
TUNED = Difference(base="a" * 64, tuned="b" * 64, tuned_name="chat")


def along(store: Store, direction, norm: float, falls_at: float, limit: int = 20, name: str = "math") -> Store:
    """A path of this norm along which the score of a task falls from 1 to 0 beyond an α, on the grid -1, 0, … 2."""
    (task,) = (t for t in cliff_run(directions=1, examples=100, kinds=KINDS[2:4]).tasks() if t.name == name)
    store.register_task(task, [])
    grid = AlphaGrid.between(-1.0, 2.0, 7)
    spec = ScanSpec(tasks=(TaskRequest(task=task.id, limit=limit),), directions=(direction,), alpha=grid)
    store.record_spec(spec, {})
    for alpha in grid.values:
        point = Point.along(direction, alpha)
        asked = abs(alpha) * norm
        store.record_point(point, Realised(asked=asked, norm=asked * 1.5, cosine=0.9 if asked else None))
        for block in spec.blocks(spec.tasks[0]):
            rows = tuple(
                Outcome(id=f"{name}-{10 * block + i}", success=float(0 <= alpha <= falls_at), label="right")
                for i in range(10)
            )
            store.put(Cell(point=point.id, task=task.id, block=block, outcomes=rows))
    return store


def landscape(direction, norm: float, falls_at: float, limit: int = 20) -> Landscape:
    return Landscape.from_store(along(MemoryStore(identity()), direction, norm, falls_at, limit))


@pytest.fixture(scope="module")
def noise() -> Landscape:
    return Landscape.from_store(cliff_run(directions=3, examples=100, kinds=KINDS[2:4]))


def test_every_step_stands_at_the_sigma_of_noise_as_long(noise: Landscape) -> None:
    """A saved direction of norm √d has α = σ; a path of another norm does not. It is the step asked for that counts."""
    root = math.sqrt(MODEL.dimension)
    both = Together.of([noise, landscape(WORST, root, 0.5), landscape(TUNED, 3.0, 1.0)])
    assert [t.name for t in both.tasks] == ["math"]
    most, worst, tuned = both.ways["math"]
    assert [w.case for w in (most, worst, tuned)] == ["most-case", "worst-case", "SFT-case"]
    assert most.sigma[1:] == pytest.approx(noise["math"].alpha.values)
    assert worst.sigma == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0]), "the other side is left out"
    assert tuned.sigma == pytest.approx(np.array([0.0, 0.5, 1.0, 1.5, 2.0]) * 3.0 / root)
    assert worst.score.mean.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert worst.edge == pytest.approx(0.5 + 0.5 * 0.05 * both.unmoved["math"] + (1 - both.unmoved["math"]) * 0.5)


def by_hand(sigma: list[float], score: list[float], level: float) -> float:
    """The first crossing, step by step."""
    for (a, x), (b, y) in pairwise(zip(sigma, score, strict=True)):
        if y < level:
            return a + (b - a) * (x - level) / (x - y)
    raise AssertionError("it never falls")


def test_how_many_times_nearer_its_edge_is_than_that_of_random_directions(noise: Landscape) -> None:
    """The radius over three directions on the same examples; along the paths all is lost after α = 0.5."""
    root = math.sqrt(MODEL.dimension)
    radius = Basin.of(noise.block("math").first(20), MODEL, raw=True, retention=0.95)
    assert radius.sigma is not None
    random = radius.sigma
    first = noise["math"].isel(example=slice(20))
    mean = [float(first.unmoved_score.mean()), *first.score.values.mean((0, 2)).tolist()]
    line = by_hand([0.0, *noise["math"].alpha.values.tolist()], mean, 0.95 * mean[0])
    assert random == pytest.approx(line, rel=0.2), "about where the mean line leaves"
    sharp, blunt = random / 30 * root, random / 3 * root
    both = Together.of([noise, landscape(WORST, sharp, 0.5), landscape(TUNED, blunt, 0.5)])
    most, worst, tuned = both.ways["math"]
    assert (most.edge, most.interval) == (radius.sigma, (radius.sigma_low, radius.sigma_high))
    assert most.ends == f"until σ {radius.sigma:.3g} [{radius.sigma_low:.3g}, {radius.sigma_high:.3g}]"
    assert (most.ratio, most.sharpness, worst.interval) == (None, "", None)
    assert worst.ratio is not None
    assert tuned.ratio is not None
    share = 0.5 + 0.5 * (1 - 0.95 * both.unmoved["math"])  # from a score of 1 at α = 0.5 to 0 at α = 1
    assert (worst.ratio.value, worst.ratio.known) == (pytest.approx(30 / share), "equal")
    assert (tuned.ratio.value, tuned.ratio.known) == (pytest.approx(3 / share), "equal")
    assert worst.sharpness.endswith("which reaches 20")
    assert "20" not in tuned.sharpness, "that is asked of worst-case directions"
    assert f"[{worst.sharpness}]" in str(both)
    assert f"[{tuned.sharpness}]" in str(both)


def test_a_line_that_was_not_followed_far_enough_bounds_the_ratio(noise: Landscape) -> None:
    root = math.sqrt(MODEL.dimension)
    most = Together.of([noise, landscape(WORST, 1.0, 0.5)]).ways["math"][0]
    assert most.edge is not None
    far = Together.of([noise, landscape(WORST, most.edge / 20 * root, 2.0)]).ways["math"][1]
    assert far.edge is None
    assert far.ratio is not None
    assert (far.ratio.known, far.ratio.value) == ("at most", pytest.approx(10.0))
    assert far.sharpness.endswith("at most 10, which does not reach 20")
    near = Together.of([noise, landscape(WORST, most.edge / 20 * root, 0.0)]).ways["math"][1]
    assert near.ends.startswith("before")
    assert near.ratio is not None
    assert (near.ratio.known, near.ratio.value) == ("at least", pytest.approx(40.0))
    assert near.sharpness.endswith("which reaches 20")
    short = Landscape.from_store(
        cliff_run(directions=3, examples=20, kinds=KINDS[2:3], alphas=AlphaGrid.between(0.001, 0.002, 2))
    )
    also = Together.of([short, landscape(WORST, 0.002 / 10 * root, 0.5)]).ways["math"]
    assert also[0].edge is None
    assert also[1].ratio is not None
    assert also[1].ratio.known == "at least"
    assert also[1].sharpness.endswith("which does not tell whether it reaches 20")
    neither = Together.of([short, landscape(WORST, 1.0, 2.0)]).ways["math"][1]
    assert (neither.ratio, neither.sharpness) == (None, "")


def test_without_random_directions_or_without_the_capability_there_is_no_ratio(noise: Landscape) -> None:
    alone = Together.of([landscape(WORST, 1.0, 0.5), landscape(TUNED, 1.0, 0.5)])
    assert [w.ratio for w in alone.ways["math"]] == [None, None]
    layers = Landscape.from_store(cliff_run(directions=2, examples=20, kinds=KINDS[2:3], normalisation="layer"))
    assert [w.ratio for w in Together.of([layers, landscape(WORST, 1.0, 0.5)]).ways["math"]] == [None, None]
    nobody = Landscape.from_store(cliff_run(directions=2, examples=20, kinds=[KINDS[2]._replace(ability=0.0)]))
    assert [w.ratio for w in Together.of([nobody, nobody]).ways["math"]] == [None, None]


def test_a_path_that_was_followed_for_another_task_is_not_shown() -> None:
    """Two worst-case directions in one run, each scored on its own task only."""
    store, other = MemoryStore(identity()), Saved(content="e" * 64, name="o", origin="ascent for code:20 at toy")
    along(store, WORST, 1.0, 0.5)
    along(store, other, 1.0, 0.5, name="code")
    both = Together.of([Landscape.from_store(store, "path")])
    assert {name: [w.name for w in ways] for name, ways in both.ways.items()} == {
        "math": ["ascent for math:20"],
        "code": ["ascent for code:20"],
    }


def test_all_curves_are_over_the_same_first_examples(noise: Landscape) -> None:
    both = Together.of([noise, landscape(WORST, 1.0, 0.5, limit=20)])
    assert both.examples["math"] == 20
    expected = noise["math"].score.values[:, :, :20].mean((0, 2))
    assert both.ways["math"][0].score.mean[1:] == pytest.approx(expected)
    assert both.unmoved["math"] == noise["math"].unmoved_score.values[:20].mean()


def test_one_run_with_several_kinds_is_opened_whole(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        along(store, WORST, 1.0, 0.5)
        along(store, TUNED, 1.0, 1.0)
    both = Together.open([tmp_path / "run"])
    assert [w.case for w in both.ways["math"]] == ["worst-case", "SFT-case"]
    assert "worst-case: ascent for math:20 until σ" in str(both)


def test_the_same_kind_twice_is_told_apart(noise: Landscape) -> None:
    both = Together.of([noise, noise])
    assert [w.name for w in both.ways["math"]] == ["3 random directions (1)", "3 random directions (2)"]


@pytest.mark.parametrize(
    ("direction", "case"),
    [
        (WORST, ("worst-case", "ascent for math:20")),
        (Saved(content="d" * 64, name="x.safetensors", origin="ones"), ("other", "x.safetensors")),
        (TUNED, ("SFT-case", "chat")),
        (Adapter(content="c" * 64, name="lora"), ("SFT-case", "lora")),
        (Quantised(bits=8), ("other", "quantised:int8/row")),
    ],
    ids=str,
)
def test_what_a_direction_is_a_case_of(direction: PathDirection, case: tuple[str, str]) -> None:
    assert case_of(direction) == case  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused(noise: Landscape) -> None:
    other = identity().model_copy(update={"model": MODEL.model_copy(update={"fingerprint": "x", "dtype": "float32"})})
    elsewhere = Landscape.from_store(along(MemoryStore(other), WORST, 1.0, 0.5))
    with pytest.raises(InputError, match="other weights: toy in bfloat16 and toy in float32"):
        Together.of([noise, elsewhere])
    fewer = identity().model_copy(update={"model": MODEL.model_copy(update={"dimension": 5, "selection": {}})})
    with pytest.raises(InputError, match="other tensors move"):
        Together.of([noise, Landscape.from_store(along(MemoryStore(fewer), WORST, 1.0, 0.5))])
    language = Landscape.from_store(cliff_run(directions=1, examples=10, kinds=KINDS[:1]))
    with pytest.raises(InputError, match="no task that two of them measured"):
        Together.of([landscape(WORST, 1.0, 0.5), language])
    with pytest.raises(InputError, match="no run"):
        Together.of([])
