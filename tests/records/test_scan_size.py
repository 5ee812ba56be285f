import pytest

from corrie.errors import InputError
from corrie.records.direction import MOST_SEEDS, directions_asked, gaussian, parse_directions
from corrie.records.scan_size import MOST_CELLS, MOST_POINTS, ScanSize
from corrie.records.scan_spec import AlphaEdges, AlphaGrid, ScanSpec, TaskRequest, size_of


def spec(directions: int, count: int, beta: int | None = None, limit: int = 10) -> ScanSpec:
    return ScanSpec(
        tasks=(TaskRequest(task="t", limit=limit),),
        directions=gaussian(directions),
        alpha=AlphaGrid.between(0.0, 1.0, count),
        beta=None if beta is None else AlphaGrid.between(0.0, 1.0, beta),
    )


def test_a_scan_says_how_much_it_asks_for() -> None:
    assert str(spec(2, 3, limit=25).size) == "2 directions × 3 α = 6 points, 18 blocks of examples"
    assert str(spec(2, 3, beta=4).size) == "3 α × 4 β = 12 points, 12 blocks of examples"
    assert str(size_of(2, AlphaEdges())) == "about 2 directions × 8 α = 16 points"


def test_products_are_bounded_and_not_only_their_parts() -> None:
    ScanSize(1, MOST_POINTS).check()
    for directions, count, beta in ((2, MOST_POINTS, None), (2, 400, 400)):
        with pytest.raises(InputError, match="each point is a pass over every example"):
            spec(directions, count, beta)
    ScanSize(1, 1, blocks=MOST_CELLS).check()
    with pytest.raises(InputError, match="every block is kept"):
        spec(1, 1000, limit=10 * MOST_CELLS // 1000 + 10)


@pytest.mark.parametrize("text", ["0:1:10000000", "0:1:" + "9" * 4000, "0:1:" + "9" * 5000, "1:0:3", "0:1:-3",
                                  "0:inf:3", "nan:1:3", "1e308", "1e30", "-1e308:1e308:3", "0:1:1", "1e400",
                                  "::", "", "9" * 5000, "\udcff"])  # fmt: skip
def test_ranges_that_are_none(text: str) -> None:
    with pytest.raises(InputError) as refused:
        AlphaGrid.parse(text)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("low", "high", "count"), [(0, 1, 10**9), (0, 1, 0), (float("nan"), 1, 2), (0, float("inf"), 2)]
)
def test_a_range_in_a_file_is_held_to_the_same(low: float, high: float, count: int) -> None:
    with pytest.raises(InputError, match="not a range"):
        AlphaGrid(low=low, high=high, count=count)


@pytest.mark.parametrize("text", ["gaussian:0-10000000", "gaussian:0-99999999999", f"gaussian:0-{2**63 - 1}"])
def test_too_many_seeds_in_one_text(text: str) -> None:
    with pytest.raises(InputError, match="more than 100,000"):
        parse_directions(text)


def test_too_many_seeds_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(directions_asked(["gaussian:0-2", "toward:a"])) == 4
    with pytest.raises(InputError, match="is there twice"):
        directions_asked(["gaussian:0-2", "gaussian:2"])
    monkeypatch.setattr("corrie.records.direction.MOST_SEEDS", 5)
    with pytest.raises(InputError, match="and those before it"):
        directions_asked(["gaussian:0-2", "gaussian:3-5"])
    for many in (MOST_SEEDS * 2, 10**30):
        with pytest.raises(InputError, match="more than"):
            gaussian(many)


@pytest.mark.parametrize(
    "text", [f"gaussian:{2**63}", "gaussian:5-1", "gaussian:-1", "gaussian:", "gaussian:" + "9" * 5000, "gaussian:1.5"]
)
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_directions(text)
    assert len(str(refused.value)) < 400
