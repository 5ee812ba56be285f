"""A plane's outcomes in other programs' formats are those of its cells."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from corrie.analysis.plane import Plane
from corrie.analysis.plane_export import COLUMNS, export_plane
from corrie.errors import InputError, UnknownName
from corrie.testing.cliff_plane import cliff_plane

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def plane() -> Plane:
    return Plane.all_of(cliff_plane(examples=20))[0]


@pytest.mark.parametrize("name", ["plane.csv", "plane.parquet"])
def test_tables(plane: Plane, tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    file = export_plane(plane, tmp_path / name)
    rows = pd.read_csv(file) if name.endswith("csv") else pd.read_parquet(file)
    assert tuple(rows.columns) == COLUMNS
    assert len(rows) == 2 * 9 * 7 * 20
    found = rows[rows.task == "math"].groupby(["alpha", "beta"]).score.mean().unstack().values
    assert np.allclose(found, plane.score("math"))
    assert set(rows.label) == {"right", "wrong"}


def test_netcdf(plane: Plane, tmp_path: Path) -> None:
    whole = xr.open_dataset(export_plane(plane, tmp_path / "plane.nc"), engine="scipy")
    assert np.allclose(whole.score.sel(task="code").mean("example").values, plane.score("code"))


def test_formats_that_there_are_not(plane: Plane, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tells no format"):
        export_plane(plane, tmp_path / "plane.txt")
    with pytest.raises(UnknownName, match="export format"):
        export_plane(plane, tmp_path / "plane.csv", "xls")
    assert list(tmp_path.iterdir()) == []
