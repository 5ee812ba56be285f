from __future__ import annotations

import io
from functools import cache

import pytest
from rich.console import Console

from corrie.analysis.landscape import Landscape
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.sheet import drawn
from corrie.reporting.table import basins_table
from corrie.reporting.words import caution, headline, realised, terms, weak
from corrie.testing.cliff_run import KINDS, Kind, cliff_run

LANGUAGE, MATH = KINDS[0], KINDS[2]
UNABLE = Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0)


@cache
def seen(
    *kinds: Kind, alphas: str = "0.002:0.024:12", directions: int = 8, examples: int = 100, **options
) -> Landscape:
    grid = AlphaGrid.parse(alphas)
    return Landscape.from_store(
        cliff_run(kinds=kinds, alphas=grid, directions=directions, examples=examples, **options)
    )


@pytest.mark.parametrize(
    ("kind", "alphas", "words"),
    [
        (MATH, "0.002:0.024:12", "holds up to σ = 0.00"),
        (
            MATH,
            "0.001:0.004:6",
            "still holds at the largest step tried, σ = 0.004 (at least 0.003",
        ),
        (MATH, "0.02:0.03:3", "no longer holds at the smallest step tried, σ = 0.02 (at most 0.02"),
        (UNABLE, "0.002:0.024:12", "cannot be told from chance (0.20) with 100 examples"),
        (MATH, "0", "has not been measured yet"),
    ],
)
def test_every_outcome_has_its_sentence(kind: Kind, alphas: str, words: str) -> None:
    assert words in seen(kind, alphas=alphas).basin(kind.capability).words.sentence


def test_enough_examples_give_a_lower_limit() -> None:
    assert "σ = 0.004 (at least 0.0" in seen(MATH, alphas="0.001:0.004:3", examples=400).basin("math").words.sentence


def test_normalised_directions_have_edges_only() -> None:
    landscape = seen(MATH, normalisation="filter")
    assert "has only edges here" in landscape.basin("math").words.sentence
    assert "Normalised directions" in headline(landscape.basins())


@pytest.mark.parametrize(
    ("kinds", "alphas", "words"),
    [
        (
            (LANGUAGE, MATH),
            "0.002:0.024:12",
            ("math is the first to go, at σ = 0.00", "language holds longest, to σ = 0.01"),
        ),
        (
            (LANGUAGE, MATH, UNABLE),
            "0.002:0.012:6",
            ("math is the first", "language holds beyond the largest step tried, 0.012"),
        ),
        ((LANGUAGE, MATH), "0.001:0.003:3", ("Every capability holds at every σ tried, up to 0.003",)),
        ((LANGUAGE,), "0.001:0.003:3", ("Language holds at every σ tried",)),
        ((MATH,), "0.002:0.024:12", ("math goes at σ = 0.00",)),
        (
            (MATH, LANGUAGE),
            "0.011:0.02:4",
            ("math goes first, before the smallest step tried, σ = 0.011", "language holds"),
        ),
        ((UNABLE,), "0.002:0.024:12", ("can be told from chance at the unmoved model",)),
        ((MATH,), "0", ("No basin could be measured yet.",)),
    ],
)
def test_the_headline_says_what_goes_first_and_what_holds(kinds, alphas: str, words: tuple[str, ...]) -> None:
    said = headline(seen(*kinds, alphas=alphas, directions=16).basins())
    for word in words:
        assert word in said
    assert said.endswith(".")


def test_no_order_is_claimed_that_the_intervals_do_not_tell() -> None:
    said = headline(seen(MATH, KINDS[3], directions=3, examples=40).basins())
    assert said.startswith("Under random noise on every weight, the intervals do not tell which capability goes first:")
    assert "math, σ ≤ 0.00" in said
    assert "code, σ ≤ 0.0" in said
    assert "first to go" not in said
    assert "longest" not in said


def test_weak_capabilities_say_what_would_show_them() -> None:
    (said,) = weak(seen(MATH, UNABLE._replace(ability=0.22), examples=50).basins())
    assert said.startswith("chess: 0.")
    assert "with 50 examples, 0.2 by chance." in said
    assert ("About" in said) or ("not above chance" in said)


def test_cautions() -> None:
    few = seen(MATH, directions=3, examples=40)
    said = caution(few, few.basins())
    assert "Indicative only: 3 directions × 40 examples" in said[0]
    assert "Its weights are dequantised 4-bit values." in said
    many = seen(MATH)
    assert not any("Indicative" in word or "missing" in word for word in caution(many, many.basins()))


def printed(landscape: Landscape) -> str:
    out = io.StringIO()
    Console(file=out, width=300, color_system=None).print(drawn(basins_table(landscape)))
    return " ".join(out.getvalue().split())


def test_an_unfinished_run_is_said_to_be_unfinished() -> None:
    whole = cliff_run(kinds=(MATH,), directions=2, examples=20)
    part = whole.__class__(whole.identity)
    for task in whole.tasks():
        part.register_task(task, whole.cards(task.id))
    for point, realised_ in whole.points().values():
        part.record_point(point, realised_)
    part.record_spec(*whole.specs()[0])
    for cell in list(whole.cells())[:26]:  # of 50
        part.put(cell)
    landscape = Landscape.from_store(part)
    assert any("outcomes are missing for math (50 %)" in word for word in caution(landscape, landscape.basins()))
    caption = printed(landscape)
    assert "outcomes are missing for math (50 %): the scan has not ended" in caption
    assert "missing" not in printed(Landscape.from_store(whole))


def test_the_precision_is_judged_at_the_smallest_step() -> None:
    assert "moved 1.000 times as far as asked, in the direction asked for" in realised(
        seen(MATH, directions=2, examples=10)
    )
    tiny = seen(MATH, alphas="-0.0001:0.0001:3", directions=2, examples=10)
    assert "α = 0.0001" in realised(tiny)
    assert "only partly in the direction asked for (cosine 0.69" in realised(tiny)
    assert realised(seen(MATH, alphas="0", directions=2, examples=10)) == "No step was taken yet."


def test_the_terms_say_retention_and_confidence() -> None:
    assert "keep 90 %" in terms(0.9, 0.99)
    assert "at 99 % confidence" in terms(0.9, 0.99)
