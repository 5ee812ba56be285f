"""Curves of several kinds of directions on one axis: units, pairing of examples, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

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


def along(store: Store, direction, norm: float, falls_at: float, limit: int = 20) -> Store:
    """A path of this norm along which the score of math falls from 1 to 0 beyond an α, on the grid -1, 0, … 2."""
    (task,) = (t for t in cliff_run(directions=1, examples=100, kinds=KINDS[2:3]).tasks() if t.name == "math")
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
                Outcome(id=f"math-{10 * block + i}", success=float(0 <= alpha <= falls_at), label="right")
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
