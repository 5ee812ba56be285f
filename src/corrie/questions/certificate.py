"""How far the weights may move, however they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import (
    CHOSEN,
    BlockSize,
    CertifyingDraws,
    Confidence,
    Exact,
    Retain,
    Rows,
    SelectionDraws,
    SigmaOrAuto,
    Thresholds,
    check_ratio,
    check_seeds,
    check_subspace,
)
from corrie.records.rules import check_distance

SubspaceName = Annotated[
    str,
    Term(
        "Where noise and weight change live: full, full:rms; adapter:LAYERS:RANK (random frozen A), "
        "adapter:FOLDER (that adapter's A); core:LAYERS:RANK, core:FILE (few numbers a layer); span:PLACE,PLACE; "
        "random:COUNT.",
        check_subspace,
    ),
]


@dataclass(frozen=True, kw_only=True)
class CertificateQuestion(BaseQuestion):
    """What the σ-smoothed model scores after every weight change of a norm, in a subspace."""

    subspace: SubspaceName = "full"
    sigma: SigmaOrAuto = CHOSEN
    draws: CertifyingDraws = 300
    confidence: Confidence = 0.99
    tuned: Annotated[
        str | None, Term("A fine-tune (adapter, checkpoint) whose distance the certificate speaks of.")
    ] = None
    distance: Annotated[float | None, Term("Or a bare L2 distance.", check_distance)] = None
    retain: Retain = 0.8
    exact: Exact = True
    selection_draws: SelectionDraws = 20
    ratio: Annotated[
        float | None,
        Term(
            "r/σ where the bound shall be as high as can be. Default: the run's, the fine-tune's up to 2, or 1.",
            check_ratio,
        ),
    ] = None
    thresholds: Thresholds = 3
    seeds: Annotated[
        int | None, Term("Seed of the first certifying draw. Default: a hash of the question.", check_seeds)
    ] = None
    rows: Rows = 8
    block: BlockSize = 10
