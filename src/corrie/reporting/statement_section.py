"""Statements in a report: the finding first, then what it rests on line by line, then cards, charts and tables."""

from __future__ import annotations

from typing import Any

from corrie.analysis.statement import Card, Chart, Section, Table, Terms
from corrie.reporting.markup import Markup, join, tag
from corrie.reporting.palette import SERIES
from corrie.reporting.statements_view import StatementsView


def statements_section(view: StatementsView, number: int, titled: bool) -> Markup:
    """Everything that is claimed in one run.

    Args:
        view: the run.
        number: its place in the report (the page's script looks its charts up by that).
        titled: give it a heading of its own (a report of several parts).
    """
    title = tag("h2", view.title, class_="run-title") if titled else Markup()
    charts = iter(range(len(_charts(view))))
    told = (_statement(section, number, charts) for section in view.sections)
    return tag("section", title, *told, class_="run", id=f"run-{number}")


def statement_numbers(view: StatementsView) -> dict[str, Any]:
    """The charts of a view, in order, as plain data for the page's script."""
    return {"charts": [_numbers(chart) for chart in _charts(view)]}


def _charts(view: StatementsView) -> list[Chart]:
    return [card.chart for section in view.sections for card in section.cards if card.chart is not None]


def _statement(section: Section, number: int, charts: Any) -> Markup:
    inside = {text for card in section.cards for text in card.says}
    return join(
        tag("h2", section.title),
        tag("p", f"{section.finding.rstrip('.')}.", class_="lede"),
        *(tag("p", f"{text.rstrip('.')}.", class_="about") for text in section.says if text not in inside),
        _terms(section.terms) if section.terms is not None else Markup(),
        *(_card(card, index, number, charts) for index, card in enumerate(section.cards)),
        *(tag("div", _table(table), class_="scroll") for table in section.tables),
    )


def _terms(terms: Terms) -> Markup:
    rows = (join(tag("dt", label), tag("dd", text)) for label, text in terms.lines)
    return tag("dl", *rows, class_="facts")


def _card(card: Card, index: int, number: int, charts: Any) -> Markup:
    badge = tag("span", card.badge, class_=f"badge {card.badge.replace(' ', '-')}") if card.badge else Markup()
    facts = join(*(join(tag("dt", term), tag("dd", told)) for term, told in card.facts))
    first, *more = (f"{text.rstrip('.')}." for text in card.says) if card.says else ("",)
    return tag(
        "article",
        tag("header", tag("span", class_="mark", aria_hidden="true"), tag("h3", card.title), badge),
        tag("p", first) if first else Markup(),
        *(tag("p", text, class_="about") for text in more),
        tag("dl", facts, class_="facts") if card.facts else Markup(),
        _plot(card.chart, number, next(charts)) if card.chart is not None else Markup(),
        class_=f"capability s{index % len(SERIES)}",
    )


def _plot(chart: Chart, number: int, which: int) -> Markup:
    return tag(
        "div",
        tag("div", class_="plot chart", data_run=number, data_chart=which, role="img", aria_label=chart.title),
        class_="one",
    )


def _table(table: Table) -> Markup:
    head = tag("tr", *(tag("th", name, scope="col", class_="n" if i else False) for i, name in enumerate(table.heads)))
    rows = (
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell, class_="n") for cell in row[1:]))
        for row in table.rows
    )
    return tag("table", tag("caption", table.title), tag("thead", head), tag("tbody", *rows))


def _numbers(chart: Chart) -> dict[str, Any]:
    def named(value: tuple[float, str] | None) -> dict[str, Any] | None:
        return None if value is None else {"at": value[0], "name": value[1]}

    return {
        "across": chart.across,
        "up": chart.up,
        "lines": [{"name": line.name, "x": list(line.x), "y": list(line.y)} for line in chart.lines],
        "level": named(chart.level),
        "mark": named(chart.mark),
    }
