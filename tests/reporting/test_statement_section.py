from pathlib import Path
from typing import Any

import pytest

from corrie.analysis.capability_diff import BasinSeen, CapabilityDiff
from corrie.analysis.certified_move import CertifiedMove
from corrie.analysis.fine_tune_diff import FineTuneDiff
from corrie.analysis.kept_score import KeptScore
from corrie.analysis.landscape import Landscape
from corrie.analysis.move import Move
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.analysis.way_out import WayOut
from corrie.analysis.worst_compared import WorstCompared
from corrie.records.sqlite_store import SqliteStore
from corrie.reporting.html import write_report
from corrie.reporting.markup import Markup
from corrie.reporting.statement_section import statements_section
from corrie.reporting.statements_view import StatementsView
from corrie.testing.cliff_run import HOSTILE, KINDS, MODEL, cliff_run, identity


@pytest.fixture(scope="module")
def diff() -> FineTuneDiff:
    """``math`` lost half, ``code`` kept everything."""
    landscape = Landscape.from_store(cliff_run(directions=3, examples=40, kinds=KINDS[2:4]))
    move = Move.of({"layers.0.q_proj.weight": 60.0, "layers.1.q_proj.weight": 0.0}, MODEL)
    cards = []
    for name, after in (("math", 10), ("code", 30)):
        kept = KeptScore(landscape.task(name), (1.0,) * 30 + (0.0,) * 10, 0.2)
        scores = PairedVerdict.of(kept, (1.0,) * after + (0.0,) * (40 - after))
        out = WayOut(distance=20.0, known="equal") if name == "math" else WayOut(distance=90.0, known="at least")
        worst = WayOut(distance=0.5, known="equal") if name == "math" else None
        which = (
            WorstCompared(direction="saved:c@tensors-1", says="worst.safetensors", cosine=0.25) if worst else "no loss"
        )
        cards.append(CapabilityDiff.of(landscape.task(name), scores, move, out, landscape.basin(name), worst, which))
    return FineTuneDiff(
        model=MODEL,
        direction="difference:a..b@minus-1",
        tuned=HOSTILE[0],
        move=move,
        capabilities=tuple(cards),
        tolerance=0.05,
        confidence=0.95,
    )


def section(diff: FineTuneDiff) -> Markup:
    return statements_section(StatementsView("run", MODEL.name, (diff.section,)), 0, False)


def test_a_card_for_every_capability_with_its_verdict(diff: FineTuneDiff) -> None:
    said = section(diff)
    assert said.count("<article") == 2
    assert '<span class="badge lost">lost</span>' in said
    assert '<span class="badge kept">kept</span>' in said
    for words in ("0.750 → 0.250", "α = 0.33", "Sharpness ratio", "cosine 0.25", "layer 0", "q_proj", "40 times"):
        assert words in said
    assert "<dt>Worst case</dt><dd>no loss</dd>" in said
    assert "layer 1" not in said, "what did not move is left out"


def test_what_certificates_say(diff: FineTuneDiff) -> None:
    """The whole sentence stands above the figures; what says nothing shows none."""
    card = diff.capabilities[0]
    common: dict[str, Any] = {
        "certificate": "c" * 64,
        "confidence": 0.99,
        "draws": 300,
        "dimension": 64,
        "sigma": 0.5,
        "examples": 40,
        "subspace": "B of ΔW = B A",
        "measure": "‖B‖_F",
        "chance": 0.0,
        "retain": 0.8,
        "conditions": "With confidence 0.99 about the smoothed model",
    }
    numbers: dict[str, Any] = {"distance": 0.25, "ratio": 0.5, "lower": 0.71, "floor": 0.6, "radius": 0.4, "left": 0.15}
    inside = CertifiedMove(**common, **numbers, name="in.json", verdict="informative", finding="math ≥ 0.71")
    outside = CertifiedMove(**common, name="out.json", verdict="outside", finding="its A was trained")
    shown = card.model_copy(update={"certified": (inside, outside)})
    said = section(diff.model_copy(update={"capabilities": (shown,)}))
    assert said.index("With confidence 0.99") < said.index("Certificate in.json</dt>")
    assert "smoothed model ≥ 0.71 at r = 0.25, r/σ = 0.5; r is ‖B‖_F; 0.15 of that radius is left" in said
    assert "says nothing about this fine-tune" in said
    assert "picked afterwards" not in said, "one of them speaks"
    both = card.model_copy(update={"certified": (inside, inside)})
    assert "picked afterwards" in section(diff.model_copy(update={"capabilities": (both,)}))


def test_what_a_fine_tune_is_called_is_text(diff: FineTuneDiff) -> None:
    said = section(diff)
    assert "<img" not in said
    assert "&lt;/script&gt;" in said


def test_it_stands_in_the_report_of_its_run(diff: FineTuneDiff, tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_run(store, directions=1, examples=10, kinds=KINDS[2:3])
    before = write_report([tmp_path / "run"], tmp_path / "before.html").read_text("utf-8")
    assert "badge lost" not in before
    diff.keep(tmp_path / "run")
    assert "badge lost" in write_report([tmp_path / "run"], tmp_path / "after.html").read_text("utf-8")


def test_where_it_lies(diff: FineTuneDiff) -> None:
    """By the interval of the radius, not by the radius."""
    basin = Landscape.from_store(cliff_run(kinds=KINDS[2:3])).basin("math")
    assert basin.sigma_low is not None
    assert basin.sigma_high is not None
    seen = {s: BasinSeen.of(basin, s).position for s in (0.9 * basin.sigma_low, basin.limit, 1.1 * basin.sigma_high)}
    assert list(seen.values()) == ["inside", "at the edge", "outside"]
    said = str(BasinSeen.of(basin, basin.limit))
    assert said.startswith("went 1 times the most-case radius")
    assert f"[{basin.sigma_low:.3g}, {basin.sigma_high:.3g}] leaves open whether that is inside" in said
