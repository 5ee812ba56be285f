"""An adapter that may be trained, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.questions.certificate import CertificateQuestion
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import (
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
)


@dataclass(frozen=True, kw_only=True)
class ProtectionQuestion(BaseQuestion):
    """Which adapter hardly touches some tasks, with a certificate as :class:`CertificateQuestion` asks for it."""

    layers: Annotated[str, Term("Which linear layers: q_proj, q_proj+v_proj, a shell pattern, or all.")] = "q_proj"
    rank: Annotated[int, Term("Rank of the adapter.")] = 1
    prompts: Annotated[int, Term("Examples of each task to listen to; those after the certified ones.")] = 60
    sigma: SigmaOrAuto = CertificateQuestion.sigma
    draws: CertifyingDraws = CertificateQuestion.draws
    confidence: Confidence = CertificateQuestion.confidence
    retain: Retain = CertificateQuestion.retain
    exact: Exact = CertificateQuestion.exact
    selection_draws: SelectionDraws = CertificateQuestion.selection_draws
    ratio: Annotated[float, Term("r/σ at which the bound shall be as high as can be.", check_ratio)] = 1.0
    thresholds: Thresholds = CertificateQuestion.thresholds
    rows: Rows = CertificateQuestion.rows
    block: BlockSize = CertificateQuestion.block
