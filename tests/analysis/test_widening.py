"""What widening is said to have done, against runs whose cliffs are known."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from corrie.analysis.landscape import Landscape
from corrie.analysis.widening import AtRest, Gain, Rounded, Spent, WidenedTask, Widening, WrittenRadius, widened_tasks
from corrie.errors import RunError
from corrie.records.memory_store import MemoryStore
from corrie.records.store import RunIdentity
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run

LARGER = MODEL.model_copy(update={"name": "wide", "norm": 1.5 * MODEL.norm})


@pytest.fixture(scope="module")
def tasks() -> tuple[WidenedTask, ...]:
    """A cliff twice as far out, of a model whose weights are half as large again, that loses some answers at rest."""
    kind = KINDS[2]._replace(radius=0.006)
    before = cliff_run(kinds=[kind], directions=8, examples=60)
    store = MemoryStore(RunIdentity(model=LARGER, block=10, laws=("philox-1",)))
    after = cliff_run(store, kinds=[kind._replace(radius=0.012, ability=0.5)], directions=8, examples=60)
    return widened_tasks(Landscape.from_store(before), Landscape.from_store(after))


def widening(tasks: tuple[WidenedTask, ...], **other: Any) -> Widening:
    terms: dict[str, Any] = {
        "model": MODEL, "widened": LARGER, "text": "docs/", "trained": "2 tensors of 8 numbers trained", "sigma": 0.01,
        "factor": 2.0, "rate": 1e-4, "anchor": 0.0, "loss": 0.1, "distance": 53.0, "largest_rescaling": 1.6,
        "rescaled": "head", "tasks": tasks, "rest": AtRest(divergence=0.012, agreement=0.95, tokens=400),
        "spent": Spent(steps=30, tokens=9_000, seconds=61.0, cpu=60.0),
    }  # fmt: skip
    return Widening(**{**terms, **other})


def test_the_gain_is_that_of_the_known_cliffs_and_scale_is_taken_out(tasks: tuple[WidenedTask, ...]) -> None:
    (found,) = tasks
    assert found.sigma is not None
    assert found.share is not None
    assert found.sigma.low <= 2.0 <= float(found.sigma.high)
    assert found.sigma.ratio == pytest.approx(2.0, rel=0.15)
    assert found.share.ratio == pytest.approx(found.sigma.ratio / 1.5)
    assert widening(tasks).rescaling == pytest.approx(1.5)


def test_scores_at_rest_are_paired(tasks: tuple[WidenedTask, ...]) -> None:
    (found,) = tasks
    assert found.examples == 60
    mean, low, high = found.change
    assert mean == pytest.approx(found.score_after - found.score_before)
    assert low < mean < high
    assert mean < 0


def test_it_reads_as_a_table_and_keeps_itself(tasks: tuple[WidenedTask, ...], tmp_path: Path) -> None:
    found = widening(tasks)
    lines = str(found).splitlines()
    assert lines[0].startswith("toy widened: the radius of math is 1.")
    assert lines[1].split()[:3] == ["task", "radius", "σ"]
    assert lines[3] == (
        "Without noise: KL to the base 0.012 nats a token, 95 % of 400 tokens agree; L2 distance 53, 2.5 % of the "
        "weights' norm."
    )
    assert "1.5000 times as large, that of head 1.600 times" in lines[4]
    assert lines[5].endswith("2 tensors of 8 numbers trained: 61 s, 60 CPU-seconds.")
    found.keep(tmp_path)
    assert Widening.read(tmp_path) == found
    assert json.loads(json.dumps(found.to_json()))["rescaling"] == pytest.approx(1.5)


def test_an_open_end_is_written_as_a_word(tmp_path: Path) -> None:
    end = Gain(ratio=2.0, low=0.0, high="inf")
    radius = WrittenRadius(status="beyond_range", sigma=0.02, low=0.01, high="inf")
    assert (str(end), str(radius)) == ("2.00 [0, ∞)", ">0.02 [0.01, ∞)")
    assert str(WrittenRadius(status="absent", sigma=None, low=0.0, high="inf")) == "absent"
    assert "Infinity" not in end.canonical()
    assert math.isinf(float(Gain.parse(end.canonical()).high))


def test_rounding_is_told_for_both(tmp_path: Path) -> None:
    kind = Rounded(kind="int4", agreement=(0.8, 0.9), divergence=(0.2, 0.1))
    said = str(widening((), rounded=(kind,)))
    assert "Rounded weights: int4 80 % → 90 % of tokens kept, KL 0.2 → 0.1 nats a token." in said


def test_what_was_not_measured_is_not_said() -> None:
    text = str(widening((), rest=None))
    assert text.splitlines()[0] == "toy was widened with noise of σ = 0.01."
    assert "KL" not in text


def test_a_damaged_one_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="what widened"):
        Widening.read(tmp_path)
    for content in (b"{}", b"\xff"):
        (tmp_path / "widening.json").write_bytes(content)
        with pytest.raises(RunError):
            Widening.read(tmp_path)
