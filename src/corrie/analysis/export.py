"""A landscape or a plane as a file that other programs read: CSV, Parquet, netCDF.

CSV and Parquet are tables with one row for each place, task and example that was scored; a place is a step along one
direction, or two steps along two. netCDF keeps the labelled arrays: one dataset over (task, both axes of places,
example), NaN where a task has fewer examples or was not scored.

A text of a CSV that a spreadsheet would run as a formula has an apostrophe before it
(:mod:`corrie.analysis.csv_cell` takes it away again); the other formats hold every text as it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corrie.analysis.block import LABELS, MISSING, Block
from corrie.analysis.csv_cell import csv_text
from corrie.analysis.every_cell import EveryCell
from corrie.analysis.landscape import Landscape
from corrie.analysis.plane import Plane
from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError, UnknownName

if TYPE_CHECKING:
    import xarray as xr

Run = Landscape | Plane | EveryCell
"""What can be written."""

ORIGIN = "origin"
"""The direction of the unmoved model's rows, which have α = 0."""

COLUMNS = (
    "direction",
    "alpha",
    "sigma",
    "distance",
    "cosine",
    "task",
    "capability",
    "example",
    "score",
    "loss",
    "label",
)
"""The table's columns: σ is empty where α is not σ, score where an example could not be scored."""

PLANE_COLUMNS = (*COLUMNS[:2], "second", "beta", *COLUMNS[2:])
"""Of a plane, and of a run that is neither lines nor a plane: the second direction and the step along it stand beside
the first. There, σ is that of both steps together: the noise per coordinate, empty where a direction is not random."""

Columns = dict[str, np.ndarray]


def columns(run: Run) -> tuple[str, ...]:
    """The names of a table's columns, in order."""
    return COLUMNS if isinstance(run, Landscape) else PLANE_COLUMNS


def export(run: Run, path: Path | str, format: str | None = None) -> Path:
    """Write a landscape or a plane to a file, whole or not at all.

    Args:
        run: what to write.
        path: where to.
        format: ``csv``, ``parquet`` or ``netcdf`` (default: from the name: .csv, .parquet, .nc).

    Returns:
        The path.

    Raises:
        UnknownName: no such format.
        InputError: Parquet without pyarrow, a name that tells no format, or nothing to write.
        StorageError: the disk refuses.
    """
    path = Path(path)
    write = _WRITERS[chosen_format(path, format)](run)
    return write_whole(path, write)


def chosen_format(path: Path, format: str | None) -> str:
    """The format that was asked for, or that a file's name tells.

    Raises:
        UnknownName: no such format.
        InputError: a name that tells none.
    """
    if format is None:
        format = {".csv": "csv", ".parquet": "parquet", ".nc": "netcdf"}.get(path.suffix)
        if format is None:
            raise InputError(f"writing {path}", found="its name tells no format", advice="--format csv|parquet|netcdf")
    if format not in _WRITERS:
        raise UnknownName("export format", format, _WRITERS)
    return format


def blocks(run: Run) -> Iterator[Columns]:
    """The table, task by task: arrays of equal length by column name, scored rows only.

    Rows of the unmoved model come first in each task, with direction ``origin`` and α = 0.
    """
    if isinstance(run, EveryCell):
        yield from _scattered(run)
        return
    for task in run.tasks:
        block = run.block(task.name)
        first, there = block.unmoved.label != MISSING, block.moved.label != MISSING
        row, column, example = np.nonzero(there)
        rows, few = int(first.sum() + there.sum()), int(first.sum())
        zero, none = np.zeros(few), np.full(few, np.nan)
        taken = run.taken.at(block.axes[1].values)
        yield {
            **(_places(run, row, column, few) if isinstance(run, Plane) else _lines(run, block, row, column, few)),
            "distance": np.concatenate([zero, taken.distance[row, column]]),
            "cosine": np.concatenate([none, taken.cosine[row, column]]),
            "task": np.full(rows, task.name),
            "capability": np.full(rows, task.capability),
            "example": np.concatenate([block.examples[first], block.examples[example]]),
            "score": np.concatenate([block.unmoved.score[first], block.moved.score[there]]),
            "loss": np.concatenate([block.unmoved.loss[first], block.moved.loss[there]]),
            "label": np.array(LABELS)[np.concatenate([block.unmoved.label[first], block.moved.label[there]])],
        }


def _scattered(run: EveryCell) -> Iterator[Columns]:
    """The rows of a run whose points lie anywhere."""
    for task in run.tasks:
        if rows := run.rows[task.name]:
            names = tuple(name for name in PLANE_COLUMNS if name not in ("task", "capability"))
            yield {
                **{name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)},
                "task": np.full(len(rows), task.name),
                "capability": np.full(len(rows), task.capability),
            }


def _lines(landscape: Landscape, block: Block, row: np.ndarray, column: np.ndarray, few: int) -> Columns:
    """Where the rows of a landscape stand, ``few`` rows of the unmoved model first."""
    directions, alphas = (axis.values for axis in block.axes)
    alpha = np.concatenate([np.zeros(few), alphas[column]])
    return {
        "direction": np.concatenate([np.full(few, ORIGIN), directions[row]]),
        "alpha": alpha,
        "sigma": np.abs(alpha) if landscape.is_raw else np.full(alpha.size, np.nan),
    }


def _places(plane: Plane, row: np.ndarray, column: np.ndarray, few: int) -> Columns:
    """Where the rows of a plane stand."""
    alpha, beta = (np.concatenate([np.zeros(few), s]) for s in (plane.alpha[row], plane.beta[column]))
    first, second = (np.concatenate([np.full(few, ORIGIN), np.full(row.size, d.id)]) for d in plane.directions)
    raw = all(direction.normalisation == "none" for direction in plane.directions)
    sigma = np.hypot(alpha, beta) if raw else np.full(alpha.size, np.nan)
    return {"direction": first, "alpha": alpha, "second": second, "beta": beta, "sigma": sigma}


def labelled(run: Run) -> xr.Dataset:
    """A whole landscape or plane as one dataset over (task, both axes of places, example).

    Examples are numbered, their ids in ``example_id`` over (task, example). ``label`` holds small numbers whose
    meanings are in its attributes ``flag_values`` and ``flag_meanings`` (−1: missing). Of a plane, ``x`` and ``y`` over
    (alpha, beta) are places in L2 distance.

    Raises:
        InputError: no task in it, or points that lie on no common axes.

    >>> from corrie.testing.cliff_run import cliff_run
    >>> dataset = labelled(Landscape.from_store(cliff_run(directions=2, examples=10)))
    >>> dict(dataset.score.sizes)
    {'task': 5, 'direction': 2, 'alpha': 12, 'example': 10}
    """
    import xarray as xr

    if isinstance(run, EveryCell):
        raise InputError("a run as labelled arrays", found="its points are draws, on no axes", advice="--format csv")
    if not run.tasks:
        raise InputError("a run as one dataset", found="no task in it", advice="-t knowledge:40")
    size = max(block.examples.size for block in run.blocks.values())
    filled = {"score": np.nan, "loss": np.nan, "label": MISSING}
    filled |= {f"unmoved_{name}": fill for name, fill in filled.items()}
    padded = []
    for task in run.tasks:
        block = run.block(task.name)
        ids = np.full(size, "", dtype=object)
        ids[: block.examples.size] = block.examples
        grid = block.labelled(scoring=task.scoring, source=task.source)
        grid = grid.assign_coords(example=np.arange(block.examples.size))
        axis = run.taken.axes[1]
        grid = grid.reindex({"example": np.arange(size), axis.name: axis.values}, fill_value=filled)
        grid = grid.assign_coords({axis.name: axis.coordinate})
        padded.append(grid.assign(example_id=("example", ids.astype(str)), chance=task.chance))
    whole = xr.concat(padded, xr.Variable("task", [t.name for t in run.tasks]), combine_attrs="drop_conflicts")
    whole = whole.assign({name: run.steps[name] for name in ("asked", "distance", "cosine")})
    whole = whole.assign_coords(capability=("task", [task.capability for task in run.tasks]))
    if isinstance(run, Plane):
        if run.geometry is not None:
            x, y = run.geometry.place(*np.meshgrid(run.alpha, run.beta, indexing="ij"))
            whole = whole.assign_coords(x=(("alpha", "beta"), x), y=(("alpha", "beta"), y))
    elif run.is_raw:
        sigma = np.abs(whole.alpha.values)
        whole = whole.assign_coords(sigma=("alpha", sigma, {"long_name": "noise σ per coordinate"}))
    whole.attrs = _provenance(run)
    return whole


def _provenance(run: Run) -> dict[str, str]:
    more = {}
    if isinstance(run, Plane):
        more = {
            "directions": json.dumps([d.model_dump(mode="json") for d in run.directions], sort_keys=True),
            "marks": json.dumps([[m.name, m.alpha, m.beta] for m in run.marks]),
        }
    return {
        "model": run.model.canonical(),
        "tasks": json.dumps([task.model_dump(mode="json") for task in run.tasks], sort_keys=True),
        "asked": json.dumps([[spec.model_dump(mode="json"), why] for spec, why in run.specs], sort_keys=True),
        **more,
    }


def _csv(run: Run) -> Callable[[Path], None]:
    names = columns(run)

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            for block in blocks(run):
                writer.writerows(zip(*(_cells(block[name]) for name in names), strict=True))

    return write


def _cells(values: np.ndarray) -> list[object]:
    """A column of a CSV: numbers as they are, texts that no spreadsheet runs."""
    return [csv_text(x) if isinstance(x, str) else x for x in _plain(values)]


def _plain(values: np.ndarray) -> list[object]:
    """Python values, None (an empty field) for NaN."""
    listed = values.tolist()
    return [None if x != x else x for x in listed] if values.dtype.kind == "f" else listed


def _parquet(run: Run) -> Callable[[Path], None]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            "Parquet", found="pyarrow is not installed", advice="pip install 'corrie[parquet]', or --format csv"
        ) from None
    words = pa.dictionary(pa.int32(), pa.string())
    kinds = dict.fromkeys(("direction", "second", "task", "capability", "label"), words) | {"example": pa.string()}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in columns(run)], metadata=_provenance(run))

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, schema) as writer:
            for block in blocks(run):
                columns = [pa.array(_plain(block[name]), type=schema.field(name).type) for name in schema.names]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))

    return write


def _netcdf(run: Run) -> Callable[[Path], None]:
    return lambda path: labelled(run).to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")


_WRITERS = {"csv": _csv, "netcdf": _netcdf, "parquet": _parquet}

FORMATS = tuple(_WRITERS)
"""What a landscape or a plane can be written as."""
