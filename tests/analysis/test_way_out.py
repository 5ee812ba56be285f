import pytest

from corrie.analysis.basin import Basin
from corrie.analysis.kept_score import KeptScore
from corrie.analysis.landscape import Landscape
from corrie.analysis.way_out import Exactness, WayOut
from corrie.records.scan_spec import AlphaGrid
from corrie.records.task import TaskIdentity
from corrie.testing.cliff_run import KINDS, cliff_run

TASK = TaskIdentity(name="sums", capability="math", source="here", scoring="choice", chance=0.0, size=10, digest="d")
KEPT = KeptScore(TASK, (1.0,) * 10, tolerance=0.25)


def right(count: int) -> tuple[float, ...]:
    return (1.0,) * count + (0.0,) * (10 - count)


def test_it_is_interpolated_where_the_tolerance_is_used_up() -> None:
    out = WayOut.along(KEPT, [(0.5, right(10)), (1.0, right(5))], length=4.0)
    assert out is not None
    assert (out.distance, out.known) == (pytest.approx(4.0 * 0.75), "equal")


def test_a_line_that_stays_and_one_that_was_not_looked_along() -> None:
    assert WayOut.along(KEPT, [(0.5, right(10)), (1.5, right(8))], 2.0) == WayOut(distance=3.0, known="at least")
    assert WayOut.along(KEPT, [], 2.0) is None


def test_exactly_the_tolerance_is_kept() -> None:
    tenth = KeptScore(TASK, (1.0,) * 10, tolerance=0.1)
    out = WayOut.along(tenth, [(1.0, right(9))], 1.0)
    assert out is not None
    assert out.known == "at least"


@pytest.mark.parametrize(
    ("one", "two", "known"),
    [
        ("equal", "equal", "equal"),
        ("equal", "at least", "at most"),
        ("equal", "at most", "at least"),
        ("at least", "equal", "at least"),
        ("at most", "at least", "at most"),
        ("at least", "at most", "at least"),
    ],
)
def test_ratios_keep_what_is_known(one: Exactness, two: Exactness, known: Exactness) -> None:
    ratio = WayOut(distance=3.0, known=one).over(WayOut(distance=2.0, known=two))
    assert ratio is not None
    assert (ratio.value, ratio.known) == (1.5, known)


def test_two_bounds_that_say_nothing() -> None:
    assert WayOut(distance=3.0, known="at least").over(WayOut(distance=2.0, known="at least")) is None
    assert WayOut(distance=3.0, known="at most").over(WayOut(distance=2.0, known="at most")) is None
    assert WayOut(distance=3.0, known="equal").over(WayOut(distance=0.0, known="equal")) is None


def basin(low: float, high: float) -> Basin:
    store = cliff_run(directions=3, examples=40, kinds=KINDS[2:3], alphas=AlphaGrid.between(low, high, 4))
    return Landscape.from_store(store).basin("math")


def test_random_directions_have_the_basin_radius() -> None:
    found = basin(0.002, 0.02)
    out = WayOut.at_random(found)
    assert out is not None
    assert (out.distance, out.known) == (found.l2, "equal")
    assert WayOut.at_random(basin(0.0005, 0.001)).known == "at least"  # type: ignore[union-attr]
    assert WayOut.at_random(basin(0.02, 0.03)).known == "at most"  # type: ignore[union-attr]
