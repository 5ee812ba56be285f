from __future__ import annotations

import builtins
import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr

from corrie.analysis.export import COLUMNS, FORMATS, ORIGIN, PLANE_COLUMNS, export, labelled
from corrie.analysis.landscape import Landscape
from corrie.analysis.plane import Plane
from corrie.errors import InputError, StorageError, UnknownName
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid
from corrie.testing.cliff_plane import cliff_plane
from corrie.testing.cliff_run import KINDS, SAFETY, cliff_run

TASKS, DIRECTIONS, ALPHAS, EXAMPLES = 3, 2, 4, 15


@pytest.fixture(scope="module")
def store():
    kinds = (KINDS[0]._replace(capability="étude/β"), KINDS[2], SAFETY)
    return cliff_run(
        directions=DIRECTIONS, examples=EXAMPLES, alphas=AlphaGrid.between(0.003, 0.012, ALPHAS), kinds=kinds
    )


@pytest.fixture(scope="module")
def landscape(store) -> Landscape:
    return Landscape.from_store(store)


def rows_of_csv(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_table_has_one_row_for_each_direction_alpha_task_example(landscape, store, tmp_path, format) -> None:
    path = export(landscape, tmp_path / "out", format)
    rows = rows_of_csv(path) if format == "csv" else pq.read_table(path).to_pylist()
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == TASKS * (1 + DIRECTIONS * ALPHAS) * EXAMPLES
    table = {(row["task"], row["direction"], float(row["alpha"]), row["example"]): row for row in rows}
    assert len(table) == len(rows)
    for task in store.tasks():
        for line in (None, *gaussian(DIRECTIONS)):
            for alpha in (0.0,) if line is None else (0.003, 0.006, 0.009, 0.012):
                point = Point.origin() if line is None else Point.along(line, alpha)
                outcomes = [
                    o for key in sorted(store.keys()) if key[:2] == (point.id, task.id) for o in store.get(key).outcomes
                ]
                assert len(outcomes) == EXAMPLES
                for outcome in outcomes:
                    row = table[task.name, line.id if line else ORIGIN, alpha, outcome.id]
                    assert (float(row["score"]), float(row["loss"]), row["label"]) == (
                        outcome.success, outcome.loss, outcome.label,
                    )  # fmt: skip
                    assert float(row["sigma"]) == alpha
                    assert row["capability"] == task.capability


def test_parquet_carries_what_was_asked_and_nulls(landscape, tmp_path) -> None:
    table = pq.read_table(export(landscape, tmp_path / "out.parquet"))
    assert json.loads(table.schema.metadata[b"model"])["name"] == "toy"
    assert table.column("cosine").null_count == TASKS * EXAMPLES  # the unmoved model has none


def test_netcdf_comes_back_as_it_was(landscape, tmp_path) -> None:
    path = export(landscape, tmp_path / "out.nc")
    with xr.open_dataset(path, engine="scipy") as back:
        whole = labelled(landscape)
        assert back.task.values.tolist() == ["étude/β", "math", "safety"]
        assert back.example_id.values.tolist() == whole.example_id.values.tolist()
        for name in whole.variables:
            np.testing.assert_array_equal(
                back[name].values, whole[name].values.astype(back[name].dtype), err_msg=str(name)
            )
        assert back.label.attrs["flag_meanings"].split()[0] == "missing"
        assert back.label.attrs["flag_values"].tolist()[:2] == [-1, 0]
        assert json.loads(back.attrs["model"])["dimension"] == landscape.model.dimension
        for task in landscape.tasks:
            np.testing.assert_array_equal(back.score.sel(task=task.name).values, landscape[task.name].score.values)


def test_tasks_of_different_sizes_and_grids_share_a_dataset() -> None:
    store = cliff_run(directions=2, examples=12, kinds=KINDS[:2])
    spec, _ = store.specs()[0]
    requests = (spec.tasks[0], spec.tasks[1].model_copy(update={"limit": 5}))
    short = store.__class__(store.identity)
    for task in store.tasks():
        short.register_task(task, store.cards(task.id))
    for point, realised in store.points().values():
        short.record_point(point, realised)
    short.record_spec(spec.model_copy(update={"tasks": requests}), {})
    far = Point.along(gaussian(1)[0], 0.024).id
    for cell in store.cells():
        if not (cell.task == requests[1].task and cell.point == far):
            short.put(cell)
    landscape = Landscape.from_store(short)
    whole = labelled(landscape)
    assert whole.example_id.values[1].tolist() == [f"knowledge-{i}" for i in range(5)] + [""] * 7
    assert np.isnan(whole.score.values[1, :, :, 5:]).all()
    assert (whole.label.values[1, :, :, 5:] == -1).all()
    np.testing.assert_array_equal(whole.score.values[0], landscape["language"].score.values)


def test_normalised_directions_have_an_empty_sigma(tmp_path) -> None:
    landscape = Landscape.from_store(cliff_run(directions=1, examples=10, kinds=KINDS[:1], normalisation="layer"))
    assert {row["sigma"] for row in rows_of_csv(export(landscape, tmp_path / "out.csv"))} == {""}
    assert "sigma" not in labelled(landscape).coords


def test_the_format_is_told_by_the_name_or_asked_for(landscape, tmp_path) -> None:
    with pytest.raises(InputError, match="tells no format"):
        export(landscape, tmp_path / "out.xlsx")
    with pytest.raises(UnknownName, match="Did you mean 'parquet'"):
        export(landscape, tmp_path / "out", "parket")
    assert set(FORMATS) == {"csv", "netcdf", "parquet"}
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_pyarrow_says_what_to_install(landscape, tmp_path, monkeypatch) -> None:
    real = builtins.__import__

    def refuse(name, *args, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"pip install 'corrie\[parquet\]'"):
        export(landscape, tmp_path / "out.parquet")


def test_a_disk_that_refuses_leaves_nothing(landscape, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        export(landscape, tmp_path / "file" / "out.csv")


@pytest.fixture(scope="module")
def plane() -> Plane:
    return Plane.all_of(cliff_plane(examples=20))[0]


@pytest.mark.parametrize("name", ["plane.csv", "plane.parquet"])
def test_tables_of_a_plane(plane: Plane, tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    file = export(plane, tmp_path / name)
    rows = pd.read_csv(file) if name.endswith("csv") else pd.read_parquet(file)
    assert tuple(rows.columns) == PLANE_COLUMNS
    moved = rows[rows.direction != ORIGIN]
    assert len(moved) == 2 * 9 * 7 * 20
    assert len(rows) == len(moved) + 2 * 20
    assert np.allclose(rows.sigma, np.hypot(rows.alpha, rows.beta))
    found = moved[moved.task == "math"].groupby(["alpha", "beta"]).score.mean().unstack().values
    assert np.allclose(found, plane.score("math"))
    assert set(rows.label) == {"right", "wrong"}


def test_a_plane_as_netcdf(plane: Plane, tmp_path: Path) -> None:
    whole = xr.open_dataset(export(plane, tmp_path / "plane.nc"), engine="scipy")
    assert np.allclose(whole.score.sel(task="code").mean("example").values, plane.score("code"))


def test_of_a_plane_formats_that_there_are_not(plane: Plane, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tells no format"):
        export(plane, tmp_path / "plane.txt")
    with pytest.raises(UnknownName, match="export format"):
        export(plane, tmp_path / "plane.csv", "xls")
    assert list(tmp_path.iterdir()) == []
