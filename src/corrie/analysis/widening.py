"""What widening a model did: how far its basins reach before and after, and what the change cost.

Radii are those of two scans along the same directions on the same examples (:class:`corrie.analysis.comparison`): the
model's own, and the widened model's own. Both are kept beside the widened weights, so ``corrie compare OUT/before
OUT/after --unit relative`` says the same.

**Scale is not width.** Weights that are all made larger, where a norm behind them takes it back, stand a larger σ
without being any wider. So the gain that counts is that of the radius as a share of a typical weight; beside it stand
the gain in σ, and the factor by which the typical weight grew (``rescaling``). A tensor may grow while the typical
weight does not; ``largest_rescaling`` is the factor of the one that grew most: tensors that were merely rescaled, each
by its own factor, explain no more of a gain in σ than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from corrie.analysis.basin import Basin
from corrie.analysis.basin_words import BasinWords, bracket
from corrie.analysis.comparison import Comparison
from corrie.analysis.landscape import Landscape
from corrie.analysis.percent import percent
from corrie.analysis.whole_file import write_whole
from corrie.errors import RunError
from corrie.records.canonical import Record
from corrie.records.model import ModelIdentity
from corrie.records.plain_file import read_plain

_FILE = "widening.json"
"""Where it lies in the folder of the widened model."""

End = float | Literal["inf"]


class WrittenRadius(Record):
    """A radius as it is written down: σ with its sign and interval; ``low`` is 0 and ``high`` "inf" where open."""

    status: str
    sigma: float | None
    low: float
    high: End

    @classmethod
    def of(cls, basin: Basin) -> Self:
        """A basin's."""
        high = math.inf if basin.sigma_high is None else basin.sigma_high
        shown = None if math.isnan(basin.limit) else basin.limit
        return cls(status=basin.status, sigma=shown, low=basin.sigma_low or 0.0, high=_end(high))

    def __str__(self) -> str:
        if self.sigma is None:
            return self.status.replace("_", " ")
        sign = {"beyond_range": ">", "before_first_step": "<"}.get(self.status, "")
        return f"{sign}{self.sigma:.3g} {bracket(self.low, _number(self.high))}"


class Gain(Record):
    """A radius after over the radius before, with its interval."""

    ratio: float
    low: float
    high: End

    def __str__(self) -> str:
        return f"{self.ratio:.2f} {bracket(self.low, _number(self.high))}"


class WidenedTask(Record):
    """One task before and after.

    before, after   its radius
    share, sigma    the gain of the radius as a share of a typical weight, and in σ; None where a side has no radius
    score_before, score_after   at σ = 0, on the examples that were scored both times
    change          of the score, with its interval
    examples        of these
    """

    task: str
    shown: str
    before: WrittenRadius
    after: WrittenRadius
    share: Gain | None
    sigma: Gain | None
    score_before: float
    score_after: float
    change: tuple[float, float, float]
    examples: int


class AtRest(Record):
    """How far the widened model is from the base without noise, on texts that it was not trained on.

    divergence  KL(base ‖ widened), nats a token
    agreement   share of the tokens at which the most likely one is the base's
    tokens      how many
    """

    divergence: float
    agreement: float
    tokens: int


class Rounded(Record):
    """How far a model is from itself once its weights are rounded, before it was widened and after.

    kind           ``int8`` or ``int4``
    agreement      share of the tokens at which it still says what it said, before and after
    divergence     KL of the rounded from the unrounded, nats a token, before and after
    """

    kind: str
    agreement: tuple[float, float]
    divergence: tuple[float, float]

    def __str__(self) -> str:
        kept = " → ".join(map(percent, self.agreement))
        return f"{self.kind} {kept} of tokens kept, KL {self.divergence[0]:.3g} → {self.divergence[1]:.3g}"


class Balance(Record):
    """What moving factors between a model's weights does, its function as it is (:mod:`corrie.widening.balance`).

    gain      of the radius in σ, to second order: what rescaling alone explains
    typical   the typical weight after over the one before
    factors   how many were chosen
    largest   the largest of them, or of their inverses
    kinds     which rescalings the model has
    """

    gain: float
    typical: float
    factors: int
    largest: float
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.factors:,} factors moved between weights, the function stays ({', '.join(self.kinds)}; the "
            f"largest {self.largest:.3g}): a radius {self.gain:.2f} times as large, to second order, at a typical "
            f"weight {self.typical:.3f} times as large"
        )


class Spent(Record):
    """What the run took.

    steps, tokens      of the optimizer; tokens read at noise, every ε counted
    seconds, cpu       wall and CPU time of the steps
    """

    steps: int
    tokens: int
    seconds: float
    cpu: float


class Widening(Record):
    """A model and the one that it was made into.

    model, widened   what they are
    text             what was read
    trained          which tensors, in words
    sigma            of the noise
    factor           that was asked for; None where σ was given
    rate, anchor     terms of the run
    labelled, mix    labelled examples learned beside, and the weight of their loss; none and 0 without
    loss             mean over the last tenth of the steps, nats a token
    distance         L2 between the two, over all weights
    largest_rescaling, rescaled   the largest factor of a tensor's typical weight, and whose it is
    tasks            radii and scores; none where nothing was measured
    rest             how far it is from the base without noise; None where nothing was measured
    rounded          what rounding of the weights does to each of them
    balance          what was done to the weights before the first step; None: nothing
    teacher          whom it learned from, if not from the model itself; ``rest`` is the distance from that one then
    spent            steps, tokens and time
    """

    model: ModelIdentity
    widened: ModelIdentity
    text: str
    trained: str
    sigma: float
    factor: float | None
    rate: float
    anchor: float
    labelled: str = ""
    mix: float = 0.0
    loss: float
    distance: float
    largest_rescaling: float
    rescaled: str
    tasks: tuple[WidenedTask, ...]
    rest: AtRest | None
    rounded: tuple[Rounded, ...] = ()
    balance: Balance | None = None
    teacher: str = ""
    spent: Spent

    @property
    def rescaling(self) -> float:
        """The typical weight after over the one before."""
        return self.widened.rms / self.model.rms

    @property
    def finding(self) -> str:
        """The gain of the first task, agreement, in one line."""
        first = self.tasks[0] if self.tasks else None
        if first is None or first.share is None:
            return f"{self.model.name} was widened with noise of σ = {self.sigma:.3g}"
        return (
            f"{self.model.name} widened: the radius of {first.shown} is {first.share} times as large, as a share of a "
            "typical weight"
        )

    def __str__(self) -> str:
        return "\n".join([f"{self.finding}.", *_table(self.tasks), *self._lines()])

    def _lines(self) -> Iterable[str]:
        if self.rest is not None:
            yield (
                f"Without noise: KL to {self.teacher or 'the base'} {self.rest.divergence:.3g} nats a token, "
                f"{percent(self.rest.agreement)} of {self.rest.tokens:,} tokens agree; "
                f"L2 distance {self.distance:.4g}{', rescaling included' if self.balance else ''}, "
                f"{percent(self.distance / self.model.norm)} of the weights' norm."
            )
        if self.rounded:
            yield f"Rounded weights: {'; '.join(map(str, self.rounded))} nats a token."
        if self.balance is not None:
            yield f"Rescaling, before any step: {self.balance}."
        yield (
            f"Scale: a typical weight is {self.rescaling:.4f} times as large, that of {self.rescaled} "
            f"{self.largest_rescaling:.3f} times; more of a gain in σ than this no rescaling explains."
        )
        yield (
            f"Spent: {self.spent.steps:,} steps of AdamW (rate {self.rate:g}) on {self.spent.tokens:,} tokens of "
            f"{self.text}{self._beside} at σ up to {self.sigma:.3g}, {self.trained}: {self.spent.seconds:,.0f} s, "
            f"{self.spent.cpu:,.0f} CPU-seconds."
        )

    @property
    def _beside(self) -> str:
        return f" and labelled examples of {self.labelled} (weight {self.mix:g})" if self.labelled else ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**self.model_dump(mode="json"), "rescaling": self.rescaling, "finding": self.finding}

    def keep(self, folder: Path) -> Path:
        """Write it into the folder of the widened model.

        Raises:
            StorageError: the disk refuses.
        """
        return write_whole(folder / _FILE, lambda file: file.write_text(self.canonical() + "\n", "utf-8"))

    @staticmethod
    def lies_in(folder: Path) -> bool:
        """Whether one was kept in a folder."""
        return (folder / _FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The one that :meth:`keep` wrote.

        Raises:
            RunError: none is there, or it is damaged.
        """
        asked = f"what widened {folder}"
        try:
            return cls.parse(read_plain(folder / _FILE, asked).decode("utf-8"))
        except UnicodeDecodeError:
            raise RunError(asked, found=f"{_FILE} is damaged", advice="the command again, to another folder") from None


def widened_tasks(before: Landscape, after: Landscape, confidence: float = 0.95) -> tuple[WidenedTask, ...]:
    """The tasks that both landscapes measured, radii compared over directions and examples.

    Raises:
        RunError: they measured different tasks.

    >>> from corrie.testing.cliff_run import KINDS, cliff_run
    >>> one, two = (Landscape.from_store(cliff_run(kinds=KINDS[2:3], seed=seed)) for seed in (0, 1))
    >>> (found,) = widened_tasks(one, two)
    >>> found.task, found.share == found.sigma, 0.5 < found.share.ratio < 2
    ('math', True, True)
    """
    from corrie.stats.difference import paired_difference

    runs = {"before": before, "after": after}
    sides = {unit: Comparison.of(runs, unit=unit, confidence=confidence) for unit in ("relative", "sigma")}
    gains = {unit: {d.task: d.ratio.turned for d in side.differences if d.ratio} for unit, side in sides.items()}
    found = []
    for name in sides["sigma"].tasks:
        one, two = (basins[name] for basins in sides["sigma"].basins)
        scores = [landscape.block(name).unmoved.score for landscape in (before, after)]
        fewest = min(map(len, scores))
        change = paired_difference(scores[0][:fewest], scores[1][:fewest], confidence)
        both = np.isfinite(scores[0][:fewest]) & np.isfinite(scores[1][:fewest])
        relative, plain = (gains[unit].get(name) for unit in ("relative", "sigma"))
        found.append(
            WidenedTask(
                task=name,
                shown=BasinWords(one).task,
                before=WrittenRadius.of(one),
                after=WrittenRadius.of(two),
                share=None if relative is None else _gain(relative),
                sigma=None if plain is None else _gain(plain),
                score_before=float(scores[0][:fewest][both].mean()),
                score_after=float(scores[1][:fewest][both].mean()),
                change=(change.mean, change.low, change.high),
                examples=change.examples,
            )
        )
    return tuple(found)


def rounded_weights(before: Landscape, after: Landscape) -> tuple[Rounded, ...]:
    """What rounding does to both, from landscapes of one task along rounding directions, at α = 1."""
    one, two = (landscape.block(landscape.tasks[0].name).moved for landscape in (before, after))
    return tuple(
        Rounded(
            kind=direction.id.partition("/")[0].removeprefix("quantised:"),
            agreement=(float(np.nanmean(one.score[row])), float(np.nanmean(two.score[row]))),
            divergence=(float(np.nanmean(one.loss[row])), float(np.nanmean(two.loss[row]))),
        )
        for row, direction in enumerate(before.directions)
    )


def _gain(ratio: Any) -> Gain:
    return Gain(ratio=ratio.ratio, low=ratio.low, high=_end(ratio.high))


def _end(value: float) -> End:
    return "inf" if math.isinf(value) else value


def _number(value: End) -> float:
    return math.inf if value == "inf" else float(value)


def _table(tasks: tuple[WidenedTask, ...]) -> list[str]:
    """One line a task, in columns."""
    if not tasks:
        return []
    heads = ("task", "radius σ before", "after", "gain, share of a weight", "gain in σ", "score before", "after",
             "change")  # fmt: skip
    rows = [
        (
            task.shown,
            str(task.before),
            str(task.after),
            "none" if task.share is None else str(task.share),
            "none" if task.sigma is None else str(task.sigma),
            f"{task.score_before:.3f}",
            f"{task.score_after:.3f}",
            "{:+.3f} [{:+.3f}, {:+.3f}]".format(*task.change),
        )
        for task in tasks
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    ]
