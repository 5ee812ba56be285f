"""How many directions keep a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.errors import InputError
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize, SharedOut


def _a_design(text: str) -> int | None:
    from corrie.records.fraction_spec import parse_design

    return parse_design(text)


def _some_draws(draws: int) -> None:
    if draws < 1:
        raise InputError(f"{draws} draws", found="nothing would be looked at", advice="a number above 0, or no --draws")


def _a_seed(first: int) -> None:
    if first < 0:
        raise InputError(f"seeds from {first}", found="a seed below 0", advice="a number from 0 on, or no --seeds")


@dataclass(frozen=True, kw_only=True)
class FractionQuestion(BaseQuestion):
    """Whether at least a fraction of all Gaussian directions keeps the score of some tasks at one σ."""

    sigma: Annotated[float, Term("The step along each direction: noise per coordinate.")]
    at_least: Annotated[float, Term("The fraction of directions that is claimed, such as 0.999.")]
    confidence: Annotated[float, Term("With which it is claimed, such as 0.99.")]
    tolerance: Annotated[float, Term("Share of the unmoved score above chance that may be lost.")] = 0.05
    design: Annotated[
        str,
        Term(
            "zero-failure (n draws, stop at the first failure), failures:K (a larger n, K may fail), or anytime "
            "(until it is settled). Fixed in the run before the first draw.",
            _a_design,
        ),
    ] = "zero-failure"
    seeds: Annotated[
        int | None, Term("Seed of the first draw. Default: a hash of the claim: directions of its own.", _a_seed)
    ] = None
    draws: Annotated[
        int | None,
        Term("Look at no more than so many draws; the same command with more continues.", _some_draws),
    ] = None
    shard: SharedOut = None
    block: BlockSize = 10

    def check(self) -> None:
        """The claim's own rules, for any task; only a number of draws can be dealt out."""
        from corrie.records.fraction_spec import FractionSpec
        from corrie.records.scan_spec import TaskRequest
        from corrie.records.shard import Shard

        FractionSpec.of(
            [TaskRequest(task="any", limit=1)],
            fraction=self.at_least,
            failures=self.failures,
            first=self.seeds,
            **self.terms("at_least", "design", "seeds", "draws", "shard"),
        )
        if self.shard is not None:
            Shard.parse(self.shard).refuse_anytime(self.failures)

    @property
    def failures(self) -> int | None:
        """How many draws the design allows to fail; None: it looks at any time."""
        return _a_design(self.design)
