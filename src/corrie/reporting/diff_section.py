"""What fine-tunes did, in a report: for each of them a heading, and a card for each capability."""

from __future__ import annotations

from corrie.analysis.basin import percent
from corrie.analysis.capability_diff import CapabilityDiff
from corrie.analysis.fine_tune_diff import FineTuneDiff
from corrie.analysis.move import Part
from corrie.reporting.markup import Markup, join, tag
from corrie.reporting.palette import SERIES


def diff_section(diffs: tuple[FineTuneDiff, ...]) -> Markup:
    """Every diff that was made in a run; nothing where there is none."""
    return join(*(_diff(diff) for diff in diffs))


def _diff(diff: FineTuneDiff) -> Markup:
    return join(
        tag("h2", f"What {diff.tuned} did"),
        tag("p", f"{diff.headline}.", class_="lede"),
        tag(
            "p",
            f"The fine-tune moved {diff.model.name} by {diff.move}. To be kept is to lose no more than "
            f"{percent(diff.tolerance)} of the score above chance on the same examples; to be lost is to lose more, "
            f"significantly (exact McNemar test, error {1 - diff.confidence:.2g}).",
            class_="about",
        ),
        *(_card(card, diff, number) for number, card in enumerate(diff.capabilities)),
        tag("div", _shares("Where it moved, by layer", diff.move.layers), class_="scroll"),
        tag("div", _shares("By kind of tensor", diff.move.kinds), class_="scroll"),
    )


def _card(card: CapabilityDiff, diff: FineTuneDiff, number: int) -> Markup:
    name = card.task if card.task == card.capability else f"{card.task} ({card.capability})"
    facts = "".join(tag("dt", term) + tag("dd", told) for term, told in _facts(card, diff))
    return tag(
        "article",
        tag(
            "header",
            tag("span", class_="mark", aria_hidden="true"),
            tag("h3", name),
            tag("span", card.verdict, class_=f"badge {card.verdict}"),
        ),
        tag("p", card.measured),
        *([tag("p", card.guarantees, class_="about")] if card.certified else []),
        tag("dl", Markup(facts), class_="facts"),
        class_=f"capability s{number % len(SERIES)}",
    )


def _facts(card: CapabilityDiff, diff: FineTuneDiff) -> list[tuple[str, str]]:
    s = card.scores
    test = "" if s.p_worse is None or s.p_changed is None else f", p = {s.p_worse:.3g} (two-sided {s.p_changed:.3g})"
    told = [
        ("Score", f"{s.before:.3f} → {s.after:.3f}; {s.chance:.3g} by chance, at least {s.least:.3f} to be kept"),
        ("Difference", f"{s.after - s.before:+.3g} [{s.low:+.3g}, {s.high:+.3g}], {percent(s.confidence)} confidence"),
        ("Examples", f"{s.examples}: {s.worse} got worse, {s.better} better{test}"),
        ("Distance", f"L2 {diff.move.distance:.4g}, σ-equivalent {diff.move.sigma:.3g}"),
    ]
    if card.way_out is not None:
        where = f"α = {card.alpha:.2g}, {card.way_out}" if card.alpha is not None else f"not lost ({card.way_out})"
        told.append(("On the way", where))
    if card.basin is not None:
        told.append(("Most-case basin", str(card.basin)))
    if card.sharpness is not None:
        told.append(("Sharpness ratio", str(card.sharpness)))
    told.append(("Worst case", card.against_worst if card.worst or card.no_worst else "not measured"))
    told += [(f"Certificate {one.name}", one.short) for one in card.certified]
    return told


def _shares(title: str, parts: tuple[Part, ...]) -> Markup:
    """Distances and shares, parts that did not move left out."""
    head = tag("tr", *(tag("th", name, scope="col", class_="n" if i else False) for i, name in enumerate(_HEADS)))
    rows = (
        tag(
            "tr",
            tag("th", part.name, scope="row"),
            tag("td", f"{part.distance:.3g}", class_="n"),
            tag("td", percent(part.share), class_="n"),
        )
        for part in parts
        if part.distance
    )
    return tag("table", tag("caption", title), tag("thead", head), tag("tbody", *rows))


_HEADS = ("Part", "L2", "Share of L2²")
