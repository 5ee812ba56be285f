import pytest

from corrie.errors import InputError
from corrie.records.direction import gaussian
from corrie.records.scan_spec import AlphaAuto, AlphaGrid, ScanSpec, TaskRequest, parse_alpha


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
    assert parse_alpha("auto") == AlphaAuto()


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
    spec = ScanSpec(tasks=requests, directions=gaussian(1), alpha=AlphaAuto(), block=10)
    assert list(spec.blocks(requests[0])) == [0, 1, 2, 3]
    assert list(spec.blocks(requests[1])) == [0, 1, 2, 3, 4]
    assert ScanSpec.parse(spec.canonical()) == spec


def test_a_scan_has_a_task_and_a_task_has_examples() -> None:
    with pytest.raises(InputError, match="no task"):
        ScanSpec(tasks=(), directions=gaussian(1), alpha=AlphaAuto())
    with pytest.raises(ValueError, match="greater than 0"):
        TaskRequest(task="t", limit=0)
