"""The report's section about the planes of a run: contours from above, surfaces, words, where it comes from."""

from __future__ import annotations

import math

import numpy as np

from corrie.analysis.basin import percent
from corrie.analysis.plane import Plane, unit_of
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.markup import Markup, join, tag
from corrie.reporting.palette import SERIES
from corrie.reporting.plane_view import PlaneView


def plane_section(view: PlaneView, number: int, titled: bool) -> Markup:
    """Every plane of one run.

    Args:
        view: the run.
        number: its place in the report (the page's script looks it up by that).
        titled: give it a heading of its own (a report of several runs).
    """
    title = tag("h2", view.title, class_="run-title") if titled else Markup()
    planes = (_plane(view, plane, number, index) for index, plane in enumerate(view.planes))
    return tag("section", title, *planes, class_="run", id=f"run-{number}")


def _plane(view: PlaneView, plane: Plane, number: int, index: int) -> Markup:
    first, second = (d.axis for d in plane.directions)
    cards = (_card(plane, number, index, task) for task in range(len(plane.tasks)))
    return join(
        tag("h2", f"The plane of {first} and {second}"),
        tag("p", _scores(plane), class_="lede"),
        tag("p", _about(view, plane), class_="about"),
        *([tag("div", tag("p", gaps), class_="caution", role="note")] if (gaps := _gaps(plane)) else []),
        *cards,
        _provenance(view, plane),
    )


def _scores(plane: Plane) -> str:
    """What stands at the marks, or how much of the plane is kept."""
    said = []
    for task in plane.tasks:
        values = [(mark.name, plane.at(task.name, mark)) for mark in plane.marks]
        places = ", ".join(f"{value:.2f} at {name}" for name, value in values if value is not None)
        kept = plane.kept(task.name)
        share = "" if kept is None else f"kept at {percent(kept)} of the points"
        said.append(f"{task.name}: {', '.join(filter(None, (places, share))) or 'not scored yet'}")
    return "; ".join(said) + "."


def _about(view: PlaneView, plane: Plane) -> str:
    first, second = plane.directions
    said = [
        f"{view.model} is moved by α {first.way} (α: {unit_of(first.normalisation)}) and by β {second.way} "
        f"(β: {unit_of(second.normalisation)})."
    ]
    lies = plane.geometry
    if lies is not None:
        angle = f"an angle of {math.degrees(math.acos(lies.cosine)):.0f}°"
        drawn = "" if lies.is_square else ", and the plane is drawn with that angle, distances to scale"
        said.append(
            f"One α is an L2 distance of {lies.first:.4g}, one β of {lies.second:.4g}; the two directions are at "
            f"{angle}{drawn}."
        )
    said.append(
        f"To keep a capability is to keep {percent(plane.retention)} of the unmoved model's score above chance: the "
        "heavy line. Circles are models, dashed lines the straight ways between them; between the points that were "
        "scored, values are interpolated."
    )
    return " ".join(said)


def _gaps(plane: Plane) -> str:
    missing = {task.name: plane.missing(task.name) for task in plane.tasks}
    gaps = ", ".join(f"{name} ({percent(share)})" for name, share in missing.items() if share)
    return f"Not everything was scored yet: outcomes are missing for {gaps}." if gaps else ""


def _card(plane: Plane, number: int, index: int, which: int) -> Markup:
    task = plane.tasks[which]
    called = task.name if task.name == task.capability else f"{task.name} ({task.capability})"
    facts = [
        f"{task.source}, {task.scoring}",
        f"{plane.alpha.size} × {plane.beta.size} points × {plane.block(task.name).examples.size} examples",
    ]
    unmoved = plane.unmoved(task.name)
    if math.isfinite(unmoved):
        facts.append(f"{unmoved:.3f} unmoved, {task.chance:.3g} by chance")
    plots = [("Score from above", "contour", f"Contours of the score of {task.name} over the plane")]
    if np.isfinite(plane.loss(task.name)).any():
        plots.append(("Loss from above, nats per token", "lossContour", f"Contours of the loss of {task.name}"))
    plots.append(("Score as a surface: turn it", "surface", f"Surface of the score of {task.name} over the plane"))
    panels = (
        tag(
            "div",
            tag("h4", title),
            tag(
                "div",
                class_=f"plot {figure}",
                data_run=number,
                data_plane=index,
                data_task=which,
                data_figure=figure,
                role="img",
                aria_label=label,
            ),
            class_="wide" if figure == "surface" and len(plots) > 2 else False,
        )
        for title, figure, label in plots
    )
    head = tag(
        "header",
        tag("span", class_="mark", aria_hidden="true"),
        tag("h3", called),
        tag("span", " · ".join(facts), class_="facts"),
    )
    return tag("article", head, tag("div", *panels, class_="pair"), class_=f"capability s{which % len(SERIES)}")


def _provenance(view: PlaneView, plane: Plane) -> Markup:
    model = plane.model
    facts = [
        ("Model", f"{model.name} ({model.architecture}), {model.dtype}, {model.dimension:,} numbers move"),
        ("Fingerprint of the weights", model.fingerprint),
        ("First direction", str(plane.directions[0])),
        ("Second direction", str(plane.directions[1])),
        ("Notes", "; ".join(model.notes) or "none"),
        ("Run", f"{view.name}, format {view.identity.format}, {view.identity.composition}"),
    ]
    names = {task.id: task.name for task in plane.tasks}
    for count, (spec, origin) in enumerate(plane.specs, 1):
        which = f" ({count})" if len(plane.specs) > 1 else ""
        wanted = ", ".join(f"{names.get(r.task, r.task)}:{r.limit}" for r in spec.tasks)
        grids = ", ".join(
            f"{letter} from {grid.low:g} to {grid.high:g}, {grid.count} steps"
            for letter, grid in (("α", spec.alpha), ("β", spec.beta))
            if isinstance(grid, AlphaGrid)
        )
        facts.append((f"Asked for{which}", f"{wanted}; {grids}"))
        facts += [(f"{key[:1].upper()}{key[1:]}{which}", value) for key, value in origin.items()]
    rows = (join(tag("dt", term), tag("dd", text)) for term, text in facts)
    return join(tag("h2", "Provenance of the plane"), tag("dl", *rows, class_="facts"))
