"""The report's sections about one run: words, places for the figures, the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from corrie.analysis.basin import Basin
from corrie.analysis.basin_words import bracket
from corrie.analysis.percent import percent
from corrie.reporting.markup import Markup, join, tag
from corrie.reporting.palette import SERIES
from corrie.reporting.provenance import provenance_section
from corrie.reporting.reading import reading
from corrie.reporting.run_view import RunHead, RunView
from corrie.reporting.words import along_paths, caution, headline, realised, terms, weak

if TYPE_CHECKING:
    from corrie.stats.dose_response import Radius


def run_section(view: RunView, number: int, titled: bool) -> Markup:
    """Everything about one run.

    Args:
        view: the run.
        number: its place in the report (the page's script looks it up by that).
        titled: give it a heading of its own (a report of several runs).
    """
    title = tag("h2", view.title, class_="run-title") if titled else Markup()
    return tag(
        "section",
        title,
        _answer(view),
        _basins(number),
        _capabilities(view, number),
        _table(view),
        _retentions(view),
        _answers(view, number),
        _realised(view, number),
        reading(view.landscape),
        provenance_section(view),
        class_="run",
        id=f"run-{number}",
    )


def masthead(views: Sequence[RunHead]) -> Markup:
    """The page's title and, for several runs, the way to each."""
    names = list(dict.fromkeys(view.model for view in views))
    content = [
        tag("p", tag("b", "corrie"), " · basin report", class_="eyebrow"),
        tag("h1", f"How far can {names[0] if len(names) == 1 else 'these models'} be moved?"),
    ]
    if len(views) > 1:
        links = (tag("li", tag("a", view.title, href=f"#run-{i}")) for i, view in enumerate(views))
        content.append(tag("nav", tag("ul", *links), aria_label="Runs"))
    return tag("header", *content, class_="top")


def _answer(view: RunView) -> Markup:
    model, lines = view.landscape.model, len(view.landscape.directions)
    verdicts = (
        tag("li", _mark(), tag("span", tag("b", basin.words.name), f" {basin.words.sentence}"), class_=_tone(i))
        for i, basin in enumerate(view.basins)
        if basin.status != "absent"
    )
    apart = [tag("li", said) for said in weak(view.basins)]
    moved = "all of them" if model.dimension == model.parameters else f"{model.dimension:,} of them"
    kind = "path" if view.landscape.is_path else "random direction"
    about = (
        f"{view.model} has {model.parameters:,} parameters; {moved} are moved, in {model.dtype}, along {lines} "
        f"{kind}{'s' * (lines != 1)}. A score is the share of a fixed set of examples that comes out right. "
    )
    if view.basins and not view.landscape.is_path:
        about += terms(view.basins[0].retention, view.basins[0].confidence)
    warnings = [tag("p", said) for said in caution(view.landscape, view.basins)]
    return join(
        tag("p", along_paths(view.landscape) if view.landscape.is_path else headline(view.basins), class_="lede"),
        tag("ul", *verdicts, class_="verdicts"),
        join(tag("p", "These cannot be told from chance, so they have no basin:", class_="about"), tag("ul", *apart))
        if apart
        else Markup(),
        tag("p", about, class_="about"),
        tag("div", *warnings, class_="caution", role="note") if warnings else Markup(),
    )


def _basins(number: int) -> Markup:
    return join(
        tag("h2", "The basins, nested"),
        tag(
            "p",
            "Above, how much of each capability is kept as the weights move away: a plateau, then a cliff. Below, how "
            "far each basin reaches, on the same axis.",
        ),
        tag(
            "figure",
            _plot(number, "basins", "Share of each score kept over the step size; basin radii as bars", "basins"),
            tag(
                "figcaption",
                "Dashed: the share that must be kept. Bars: basin radius. Whiskers: its confidence interval, over "
                "directions and examples. Thin ticks: where the lines of single directions leave. Arrows: the basin "
                "reaches beyond the largest step tried, or ends before the smallest.",
            ),
        ),
    )


def _capabilities(view: RunView, number: int) -> Markup:
    return join(
        tag("h2", "Capability by capability"),
        tag(
            "p",
            "The score with its plateau and cliff, beside the loss on the same examples. Thick: mean over directions. "
            "Band: the middle 80 % of directions. Thin: single directions. Dotted, in grey: the curve that was fitted "
            "to every outcome, with its band; the basin's radius is read off it. Where outcomes lie scattered they are "
            "points, as large as they are many, under the fitted curve. Dashed: where the basin ends, on its "
            "interval.",
        ),
        *(_card(view, number, index) for index in range(len(view.basins))),
    )


def _card(view: RunView, number: int, index: int) -> Markup:
    task, basin = view.landscape.tasks[index], view.basins[index]
    curve = view.landscape.curve(task.name)
    facts = [
        f"{task.source}, {task.scoring}",
        f"{basin.directions} direction{'s' * (basin.directions != 1)} × {basin.examples} examples",
    ]
    if basin.score is not None:
        facts.append(f"{basin.score:.3f} unmoved, {task.chance:.3g} by chance")
    plots = [_panel("Score", _plot(number, "score", f"Score of {task.name} over the step size", task=index))]
    if not all(math.isnan(x) for x in curve.loss.mean):
        plots.append(_panel("Loss", _plot(number, "loss", f"Loss of {task.name} over the step size", task=index)))
    if set(curve.composition) - {"right", "wrong", "unscored"}:
        label = f"What the outputs of {task.name} were, over the step size"
        plots.append(_panel("What came out", _plot(number, "composition", label, "small", index), "wide"))
    return tag(
        "article",
        tag("header", _mark(), tag("h3", basin.words.name), tag("span", " · ".join(facts), class_="facts")),
        tag("div", *plots, class_="pair"),
        class_=f"capability {_tone(index)}",
    )


def _table(view: RunView) -> Markup:
    step = "σ" if view.landscape.is_raw else "α"
    heads = (
        ("Score", "unmoved"),
        ("Chance", ""),
        ("Basin radius", "σ [interval]"),
        ("L2 distance", "σ√d [interval]"),
        ("Share of a", "typical weight"),
        ("Edges of single", f"directions, {step}"),
        ("Directions", "× examples"),
    )
    columns = (
        tag("th", above, *([Markup("<br>"), below] if below else []), scope="col", class_="n") for above, below in heads
    )
    head = tag("thead", tag("tr", tag("th", "Capability", scope="col"), *columns))
    body = tag("tbody", *(_row(basin) for basin in view.basins))
    return join(tag("h2", "In numbers"), tag("div", tag("table", head, body), class_="scroll"))


def _row(basin: Basin) -> Markup:
    words = basin.words
    if words.none:
        sizes = [words.none, "–", "–"]
    else:
        sizes = [
            join(f"{words.limit()} ", _range(basin.sigma_low, basin.sigma_high)),
            join(f"{words.limit(math.sqrt(basin.dimension))} ", _range(basin.l2_low, basin.l2_high)),
            f"{words.sign} {words.share}",
        ]
    left = sorted(edge for _, edge in basin.edges if edge is not None)
    beyond = len(basin.edges) - len(left)
    edges = [f"{left[0]:.3g} to {left[-1]:.3g}"] if left else []
    if beyond:
        edges.append(f"{beyond} beyond")
    cells = (
        "–" if basin.score is None else f"{basin.score:.3f}",
        f"{basin.chance:.3g}",
        *sizes,
        ", ".join(edges) or "–",
        f"{basin.directions} × {basin.examples}" + (" (indicative)" if basin.indicative else ""),
    )
    return tag("tr", tag("th", words.name, scope="row"), *(tag("td", cell, class_="n") for cell in cells))


def _retentions(view: RunView) -> Markup:
    """Every radius of every capability, and what changes at the one asked for."""
    there = [basin for basin in view.basins if basin.radii]
    if not there:
        return Markup()
    shares = [percent(radius.retention) for radius in there[0].radii]
    radii = _numbers(
        [*(f"σ, {share} kept" for share in shares), f"crossed, {percent(there[0].retention)} kept"],
        {basin.words.name: [*map(_radius, basin.radii), basin.words.crossed] for basin in there},
    )
    flips = _numbers(
        ["at σ", "right answers that are wrong", "wrong answers that are right", "the score changes by", "outcomes"],
        {
            basin.words.name: [
                f"{f.sigma:.3g}",
                _shares(f.lost),
                _shares(f.gained),
                _change(f.net),
                f"{basin.evaluations:,}",
            ]
            for basin in there
            if (f := basin.flips) is not None
        },
    )
    free = any(radius.method == "model_free" for basin in there for radius in basin.radii)
    note = " † No curve fits: this interval assumes only that the score falls as the weights move." if free else ""
    return join(
        tag("h2", "At other shares, and single answers"),
        tag(
            "p",
            "How far each capability reaches when less of its score above chance must be kept: read off curves fitted "
            "to every outcome, with intervals over directions and examples. Crossed: the radius read off the mean "
            f"line, with the interval that assumes no shape.{note}",
        ),
        radii,
        tag(
            "p",
            "Single answers change before the score does, in both directions. These are the shares at the basin's end, "
            "and what they leave of the score.",
        ),
        flips,
    )


def _numbers(heads: Sequence[str], rows: Mapping[str, Sequence[Markup | str]]) -> Markup:
    """A table of numbers, a row for each capability."""
    head = tag("tr", tag("th", "Capability", scope="col"), *(tag("th", h, scope="col", class_="n") for h in heads))
    body = (
        tag("tr", tag("th", name, scope="row"), *(tag("td", cell, class_="n") for cell in cells))
        for name, cells in rows.items()
    )
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll")


def _radius(radius: Radius) -> Markup:
    middle = "–" if radius.sigma is None else f"{radius.sigma:.3g} "
    return join(middle, _range(radius.low, radius.high), "†" * (radius.method == "model_free"))


def _change(values: tuple[float, float, float]) -> Markup:
    low, middle, high = (f"{value:+.3f}".replace("-", "−") for value in values)
    return join(f"{middle} ", tag("span", f"[{low}, {high}]", class_="range"))


def _shares(values: tuple[float, float, float]) -> Markup:
    low, middle, high = (100 * value for value in values)
    return join(f"{middle:.0f} % ", tag("span", f"[{low:.0f}, {high:.0f}]", class_="range"))


def _range(low: float | None, high: float | None) -> Markup:
    if low is None or high is None:
        return Markup()
    return tag("span", bracket(low, high), class_="range")


def _answers(view: RunView, number: int) -> Markup:
    if not view.answers:
        return Markup()
    return join(
        tag("h2", "What the model itself says"),
        tag(
            "p",
            "A few examples: of those that the unmoved model masters the one that is lost first, one in the middle and "
            "the one that holds longest; and one that it fails. Move the slider to move the weights.",
        ),
        tag("div", tag("p", "This part needs JavaScript."), class_="answers", data_run=number),
    )


def _realised(view: RunView, number: int) -> Markup:
    cosine = _plot(number, "cosine", "Cosine of the realised and the asked step, over the step size", "small")
    ratio = _plot(number, "ratio", "L2 norm of the realised step over the asked one, over the step size", "small")
    return join(
        tag("h2", "Did the weights move as asked?"),
        tag(
            "p", realised(view.landscape), " A score is that of the weights as they were; σ and L2 are those asked for."
        ),
        tag(
            "div",
            _panel("Direction: cosine of the realised and the asked step", cosine),
            _panel("Length: L2 norm, realised over asked", ratio),
            class_="pair",
        ),
    )


def _tone(index: int) -> str:
    return f"s{index % len(SERIES)}"


def _mark() -> Markup:
    return tag("span", class_="mark", aria_hidden="true")


def _panel(title: str, content: Markup, kind: str = "") -> Markup:
    return tag("div", tag("h4", title), content, class_=kind or False)


def _plot(run: int, figure: str, label: str, kind: str = "", task: int | None = None) -> Markup:
    return tag(
        "div",
        class_=f"plot {kind}".strip(),
        data_run=run,
        data_figure=figure,
        data_task=False if task is None else str(task),
        role="img",
        aria_label=label,
    )
