import math
from typing import Any

import pytest

from corrie.errors import InputError
from corrie.records.direction import gaussian
from corrie.records.scan_spec import AlphaAuto, AlphaEdges, AlphaGrid, ScanSpec, TaskRequest, parse_alpha


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:0.04:5", (0.0, 0.01, 0.02, 0.03, 0.04)),
        ("0:0.3:4", (0.0, 0.1, 0.2, 0.3)),
        ("-1:1:3", (-1.0, 0.0, 1.0)),
        ("0.5", (0.5,)),
        ("1e-3:1e-3:1", (0.001,)),
    ],
)
def test_a_range_holds_both_ends_in_short_numbers(text: str, values: tuple[float, ...]) -> None:
    grid = parse_alpha(text)
    assert isinstance(grid, AlphaGrid)
    assert grid.values == values


def test_auto() -> None:
    assert parse_alpha("auto") == AlphaAuto(precision=2.0)
    assert parse_alpha("auto", 1.5).precision == 1.5
    assert parse_alpha("edges") == AlphaEdges()


def test_how_many_outcomes_at_most_belongs_to_auto_too() -> None:
    assert parse_alpha("auto", most=80) == AlphaAuto(most=80)
    for alpha, most in (("auto", 0), ("auto", 2**48), ("edges", 80)):
        with pytest.raises(InputError, match=f"at most {most} outcomes"):
            parse_alpha(alpha, most=most)


@pytest.mark.parametrize(("alpha", "precision"), [("auto", 1.0), ("auto", math.nan), ("edges", 2.0), ("0:1:3", 2.0)])
def test_a_precision_is_a_factor_and_belongs_to_auto(alpha: str, precision: float) -> None:
    with pytest.raises(InputError, match="precision"):
        parse_alpha(alpha, precision)


def test_an_old_spec_that_looks_for_edges_keeps_its_text() -> None:
    old = (
        '{"alpha":{"points":8},"block":10,"directions":[{"kind":"gaussian","law":"philox-1","normalisation":"none",'
        '"seed":0}],"retention":0.95,"tasks":[{"limit":20,"task":"a"}]}'
    )
    assert ScanSpec.parse(old).canonical() == old
    assert ScanSpec.parse(old).alpha == AlphaEdges()


def test_what_is_looked_for_is_part_of_the_spec() -> None:
    spec = ScanSpec(tasks=(TaskRequest(task="a", limit=20),), directions=gaussian(3), alpha=AlphaAuto(precision=1.5))
    assert ScanSpec.parse(spec.canonical()) == spec
    assert spec.canonical() != spec.model_copy(update={"alpha": AlphaAuto()}).canonical()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0:1", "not a range"),
        ("0:1:2:3", "not a range"),
        ("a:b:c", "not a range"),
        ("", "not a range"),
        ("0:1:2.5", "not a range"),
        ("1:0:5", r"reversed. Try: 0:1:5"),
        ("1:1:2", "empty"),
        ("0:1:0", "no points"),
        ("0:1:1", "one point cannot hold both ends"),
        ("0:inf:3", "not finite"),
    ],
)
def test_a_range_that_cannot_be_meant(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_alpha(text)


def test_blocks_are_whole_and_nest() -> None:
    requests = (TaskRequest(task="t", limit=40), TaskRequest(task="u", limit=41))
    spec = ScanSpec(tasks=requests, directions=gaussian(1), alpha=AlphaEdges(), block=10)
    assert list(spec.blocks(requests[0])) == [0, 1, 2, 3]
    assert list(spec.blocks(requests[1])) == [0, 1, 2, 3, 4]
    assert ScanSpec.parse(spec.canonical()) == spec


def test_a_scan_has_a_task_and_a_task_has_examples() -> None:
    with pytest.raises(InputError, match="no task"):
        ScanSpec(tasks=(), directions=gaussian(1), alpha=AlphaEdges())
    with pytest.raises(ValueError, match="greater than 0"):
        TaskRequest(task="t", limit=0)


def plane_spec(**other: Any) -> ScanSpec:
    asked = {"directions": gaussian(2), "alpha": AlphaGrid.parse("-1:1:5"), "beta": AlphaGrid.parse("0:1:3")}
    return ScanSpec(tasks=(TaskRequest(task="t", limit=4),), **{**asked, **other})


def test_a_plane_is_read_back_and_lines_are_written_as_before() -> None:
    spec = plane_spec()
    assert spec.is_plane
    assert ScanSpec.parse(spec.canonical()) == spec
    line = ScanSpec(tasks=spec.tasks, directions=gaussian(1), alpha=AlphaEdges())
    assert not line.is_plane
    assert "beta" not in line.canonical()
    assert ScanSpec.parse(line.canonical()) == line


@pytest.mark.parametrize(
    "asked",
    [
        {"directions": gaussian(1)},
        {"directions": gaussian(3)},
        {"directions": gaussian(1) * 2},
        {"alpha": AlphaEdges()},
        {"beta": AlphaGrid.parse("1")},
    ],
    ids=str,
)
def test_what_is_no_plane(asked) -> None:
    with pytest.raises(InputError, match="a plane"):
        plane_spec(**asked)


def test_zero_is_zero_on_every_grid() -> None:
    """0.3 is not three tenths: without care the middle of a range is 5e-17, another point than the model."""
    for text in ("-0.3:0.6:4", "-0.1:0.2:4", "-0.7:0.7:15", "-0.011:0.011:5"):
        values = AlphaGrid.parse(text).values
        assert 0.0 in values, text
        assert sum(abs(a) < 1e-9 for a in values) == 1
