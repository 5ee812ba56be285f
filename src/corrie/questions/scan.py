"""Where a model keeps its capabilities along directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize, Budget, SharedOut, parse_batch
from corrie.records.batch_rule import BatchRule
from corrie.records.rules import check_retention

if TYPE_CHECKING:
    from corrie.records.scan_spec import Alpha
    from corrie.records.shard import Shard


def _steps(alpha: str | Alpha, precision: float | None, most: int | None) -> Alpha:
    from corrie.records.scan_spec import parse_alpha

    return parse_alpha(alpha, precision, most) if isinstance(alpha, str) else alpha


@dataclass(frozen=True, kw_only=True)
class ScanQuestion(BaseQuestion):
    """What a model scores at θ0 + αδ, for every direction δ and every step α.

    >>> ScanQuestion().kept, ScanQuestion(alpha="0:1:3").kept
    (0.8, 0.95)
    """

    alpha: Annotated[
        str,
        Term(
            "auto (find the radii), edges (a grid around the edges), LO:HI:N, both ends included, or, with --preset, "
            "preset: its grid for this family of models."
        ),
    ] = "auto"
    precision: Annotated[float | None, Term("With auto: upper over lower limit of each radius. Default: 2.")] = None
    most: Annotated[
        int | None,
        Term("With auto: outcomes of a task at most, whether its radius is known then or not. Default: 640."),
    ] = None
    agreement: Annotated[
        bool,
        Term(
            "With auto: first of all, how far the model says what it said, on the tasks' own texts.",
            flags=("--agreement/--no-agreement",),
        ),
    ] = True
    retention: Annotated[
        float | None,
        Term("Share of the score above chance that counts as kept. Default: 0.95, with auto 0.8.", check_retention),
    ] = None
    batch: Annotated[
        int | str | BatchRule | None,
        Term(
            "Examples whose answers are written together in a new run, or auto: as many as limits and memory allow. "
            "320/80: 320 of them, 80 at a time; others come in as texts end.",
            read=parse_batch,
        ),
    ] = "auto"
    budget: Budget = None
    shard: SharedOut = None
    block: BlockSize = 10

    def check(self) -> None:
        """Step sizes that go with the precision, and that can be dealt out if they are."""
        steps, share = self.steps, self.share
        if share is not None:
            share.refuse_search(steps)

    @property
    def steps(self) -> Alpha:
        """The step sizes, or how they are looked for."""
        return _steps(self.alpha, self.precision, self.most)

    @property
    def share(self) -> Shard | None:
        """The share of the points; None: all."""
        from corrie.records.shard import parse_shard

        return parse_shard(self.shard)

    @property
    def kept(self) -> float:
        """The share of the score that counts as kept."""
        from corrie.records.scan_spec import usual_retention

        return usual_retention(self.steps) if self.retention is None else self.retention
