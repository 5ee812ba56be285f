"""Where a report's numbers come from: model, data, versions, law, and what was asked."""

from __future__ import annotations

from collections.abc import Iterable

from corrie.records.scan_spec import AlphaAuto, AlphaEdges, ScanSpec
from corrie.records.task import TaskIdentity
from corrie.reporting.markup import Markup, join, tag
from corrie.reporting.run_view import RunView


def provenance_section(view: RunView) -> Markup:
    """The section."""
    rows = (join(tag("dt", term), tag("dd", text)) for term, text in _facts(view))
    heads = ("Task", "Capability", "Source", "Scoring", "Chance", "Examples there are", "Hash of data and settings")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in heads)))
    body = tag("tbody", *(_task(task) for task in view.landscape.tasks))
    return join(
        tag("h2", "Provenance"),
        tag("dl", *rows, class_="facts"),
        tag("div", tag("table", head, body), class_="scroll"),
    )


def _facts(view: RunView) -> list[tuple[str, str]]:
    model, identity = view.landscape.model, view.identity
    selection = " ".join(model.selection.include)
    if model.selection.exclude:
        selection += " without " + " ".join(model.selection.exclude)
    facts = [
        ("Model", f"{model.name} ({model.architecture})"),
        ("Fingerprint of the weights", model.fingerprint),
        ("Precision", model.dtype),
        ("Parameters", f"{model.parameters:,}; moved: {model.dimension:,} ({selection})"),
        ("Norm", f"‖θ₀‖ = {model.norm:.6g}, a typical weight {model.rms:.4g}"),
        ("Notes", "; ".join(model.notes) or "none"),
        ("Noise law", ", ".join(identity.laws)),
        ("Directions", _listed(str(direction) for direction in view.landscape.directions)),
        ("Run", f"{view.name}, format {identity.format}, {identity.composition}"),
    ]
    for number, (spec, origin) in enumerate(view.landscape.specs, 1):
        which = f" ({number})" if len(view.landscape.specs) > 1 else ""
        facts.append((f"Asked for{which}", _asked(spec, view.landscape.tasks)))
        facts += [(f"{key[:1].upper()}{key[1:]}{which}", value) for key, value in origin.items()]
    return facts


def _asked(spec: ScanSpec, tasks: tuple[TaskIdentity, ...]) -> str:
    names = {task.id: task.name for task in tasks}
    grid = spec.alpha
    if isinstance(grid, AlphaAuto):
        alphas = f"α chosen block by block, radii to a factor of {grid.precision:g} where {spec.retention:g} is kept"
    elif isinstance(grid, AlphaEdges):
        alphas = f"α laid around the edges, {grid.points} steps"
    else:
        alphas = f"α from {grid.low:g} to {grid.high:g}, {grid.count} steps"
    wanted = ", ".join(f"{names.get(request.task, request.task)}:{request.limit}" for request in spec.tasks)
    return f"{wanted}; {len(spec.directions)} directions; {alphas}"


def _task(task: TaskIdentity) -> Markup:
    cells = (task.capability, task.source, task.scoring, f"{task.chance:.3g}", f"{task.size:,}")
    return tag(
        "tr",
        tag("th", task.name, scope="row"),
        *(tag("td", cell) for cell in cells),
        tag("td", task.digest, class_="hash"),
    )


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:12]) + (f" … {every[-1]} ({len(every)} in all)" if len(every) > 12 else "")
