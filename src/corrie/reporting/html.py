"""The report: one HTML file that opens from a disk without a network and says everything a run found."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError
from corrie.records.run_folder import RunFolder
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Store
from corrie.reporting.content_policy import content_policy, json_for_script
from corrie.reporting.markup import Markup, join, tag
from corrie.reporting.palette import css_variables
from corrie.reporting.payload import payload
from corrie.reporting.plane_payload import plane_payload
from corrie.reporting.plane_section import plane_section
from corrie.reporting.plane_view import PlaneView
from corrie.reporting.plotly_js import plotly_js
from corrie.reporting.run_view import RunView
from corrie.reporting.sections import masthead, run_section
from corrie.reporting.statement_section import statement_numbers, statements_section
from corrie.reporting.statements_view import StatementsView

View = RunView | PlaneView | StatementsView
"""One part of a report."""


def write_report(
    runs: Sequence[Store | Path | str],
    out: Path | str,
    *,
    show_sensitive: bool = False,
    retention: float | None = None,
    confidence: float = 0.95,
    command: str = "",
) -> Path:
    """Write the report of one run or several, whole or not at all.

    The file holds the drawing library, the numbers and the texts; it loads nothing, and its content security policy
    forbids it to. Everything the model or the user wrote is data in it, never markup
    (:mod:`corrie.reporting.content_policy`).

    Args:
        runs: run folders or open stores, one section each.
        out: the file to write.
        show_sensitive: show prompts and answers of tasks whose prompts are harmful requests, too.
        retention: the share of the score above chance that must be kept (default: what each scan asked for).
        confidence: of the intervals.
        command: the command line that made this report, for its last line.

    Returns:
        ``out``.

    Raises:
        InputError: no run, a retention or confidence that is not valid, or plotly is not installed.
        RunError: a run that cannot be read, or of which nothing was asked yet.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.cliff_run import cliff_run
    >>> path = write_report([cliff_run(directions=2, examples=10)], Path(tempfile.mkdtemp()) / "report.html")
    >>> path.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    if not runs:
        raise InputError("a report", found="no run to report on", advice="corrie report RUN --out FILE.html")
    terms = {"show_sensitive": show_sensitive, "retention": retention, "confidence": confidence}
    views: list[View] = []
    for run in runs:
        views += _views(run, terms)
    text = page(views, command)
    return write_whole(out, lambda path: path.write_bytes(text.encode()))


def _views(run: Store | Path | str, terms: dict[str, Any]) -> list[View]:
    """What is claimed in a run, then its lines, then its planes: whichever there are."""
    claimed = None if not isinstance(run, str | Path) else StatementsView.of(run)
    stored = not isinstance(run, str | Path) or RunFolder.open(run).has_store
    planes = PlaneView.of(run) if stored else None
    lines = stored and not (planes is not None and planes.alone) and not (claimed is not None and _no_lines(run))
    found = (claimed, RunView.of(run, **terms) if lines else None, planes)
    return [view for view in found if view is not None]


def _no_lines(run: Store | Path | str) -> bool:
    """Whether no scan along lines was asked of a run folder."""
    if not isinstance(run, str | Path):
        return False
    with SqliteStore.open(run) as store:
        return all(spec.is_plane for spec, _ in store.specs())


def page(views: Sequence[View], command: str = "") -> str:
    """The whole page as text."""
    library, script = plotly_js(), _asset("report.js")
    style = css_variables() + _asset("report.css")
    numbers = {"runs": [_numbers(view) for view in views]}
    names = ", ".join(dict.fromkeys(view.model for view in views))
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=content_policy((library, script))),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"Basins of {names}"),
        tag("style", Markup(style)),
    )
    made = join("Made by ", tag("code", command), ". ") if command else Markup()
    body = join(
        masthead(views),
        tag(
            "main",
            tag("noscript", tag("p", "The figures need JavaScript; words and tables do not.")),
            *(_section(view, i, len(views) > 1) for i, view in enumerate(views)),
        ),
        tag("footer", made, "This file loads nothing from anywhere."),
        tag("script", Markup(json_for_script(numbers)), type="application/json", id="corrie-data"),
        tag("script", Markup(library)),
        tag("script", Markup(script)),
    )
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _numbers(view: View) -> dict[str, Any]:
    if isinstance(view, StatementsView):
        return statement_numbers(view)
    if isinstance(view, PlaneView):
        return {"planes": [plane_payload(plane) for plane in view.planes]}
    return {**payload(view.landscape, view.basins), "answers": view.answers}


def _section(view: View, number: int, titled: bool) -> Markup:
    if isinstance(view, StatementsView):
        return statements_section(view, number, titled)
    if isinstance(view, PlaneView):
        return plane_section(view, number, titled)
    return run_section(view, number, titled)


def _asset(name: str) -> str:
    text = resources.files("corrie.reporting").joinpath("assets", name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
