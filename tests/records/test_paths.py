import pytest

from corrie.errors import InputError, RunError, UnknownName
from corrie.records.direction import Gaussian, Named, parse_directions
from corrie.records.paths import Adapter, Difference, Quantised, Saved, quantised
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.store_law import refuse_seen_directions
from corrie.testing.check_store import a_claim

A, B = "a" * 64, "b" * 64
EVERY = (
    Gaussian(seed=3, normalisation="filter"),
    Difference(base=A, tuned=B, base_name="small", tuned_name="chat"),
    Adapter(content=A, name="mine"),
    Quantised(bits=4, block=64),
    Saved(content=B, name="worst.safetensors", origin="climbed"),
)


def test_the_ids_of_gaussians_are_what_they_were() -> None:
    assert Gaussian(seed=3).id == "gaussian:3@philox-1"
    assert Point.along(Gaussian(seed=0), 0.01).id == "0470e2ab695a21393b0083aeed0bda49"


@pytest.mark.parametrize("direction", EVERY, ids=lambda d: d.kind)
def test_points_and_specs_come_back_as_they_were_written(direction: object) -> None:
    point = Point.along(direction, 0.5)  # type: ignore[arg-type]
    assert Point.parse(point.canonical()) == point
    spec = ScanSpec(tasks=(TaskRequest(task="t", limit=1),), directions=EVERY, alpha=AlphaGrid.parse("0:1:3"))
    assert ScanSpec.parse(spec.canonical()) == spec


def test_a_record_of_before_is_still_read() -> None:
    text = '{"steps":[{"alpha":0.5,"direction":{"kind":"gaussian","law":"philox-1","normalisation":"none","seed":7}}]}'
    assert Point.parse(text) == Point.along(Gaussian(seed=7), 0.5)
    with pytest.raises(RunError):
        Point.parse(text.replace("gaussian", "uniform"))


def test_names_are_no_part_of_identity() -> None:
    one, other = (Difference(base=A, tuned=B, tuned_name=name) for name in ("x", "y"))
    assert one.id == other.id
    assert Point.along(one, 1.0).id == Point.along(other, 1.0).id
    assert "x" in str(one)
    assert Difference(base=B, tuned=A).id != one.id


def test_every_grid_has_its_own_id() -> None:
    texts = ("int8", "int4", "int4/row", "int8/block64", "int4/block32")
    assert len({quantised(text).id for text in texts}) == len(texts)
    assert quantised("int8") == quantised("int8/row")
    assert quantised("int4") == quantised("int4/block64")


@pytest.mark.parametrize("grid", ["int4/", "int4/block", "int4/block0", "int4/block-3", "int8/blockx", "int4/column"])
def test_grids_that_are_none(grid: str) -> None:
    with pytest.raises(InputError, match="is no grid"):
        quantised(grid)


def test_as_they_are_written_on_the_command_line() -> None:
    assert parse_directions("quantised:int8") == (Quantised(bits=8),)
    assert parse_directions("toward:a/b:c") == (Named(kind="toward", place="a/b:c"),)
    with pytest.raises(UnknownName, match="Did you mean 'int8'"):
        parse_directions("quantised:int9")
    with pytest.raises(InputError, match="does not say where"):
        parse_directions("adapter:")
    with pytest.raises(InputError, match="only Gaussian directions"):
        parse_directions("saved:x.safetensors", "unit")


def test_a_hash_must_be_one() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Adapter(content="../../etc")


def test_a_path_is_no_direction_that_a_claim_could_have_drawn() -> None:
    claim = a_claim(first=5)
    refuse_seen_directions("RUN", [Point.along(d, 0.5) for d in EVERY], claim)
    with pytest.raises(RunError, match="has looked along its directions already"):
        refuse_seen_directions("RUN", [Point.along(Gaussian(seed=5), 0.5)], claim)
