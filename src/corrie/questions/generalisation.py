"""What a fine-tune will score on examples that nobody has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.questions.certificate import CertificateQuestion, SubspaceName
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize, Rows, check_confidence, counts
from corrie.records.rules import check_sigma


@dataclass(frozen=True, kw_only=True)
class GeneralisationQuestion(BaseQuestion):
    """What a fine-tuned model, smoothed, scores on new examples (PAC-Bayes)."""

    subspace: SubspaceName
    sigma: Annotated[float, Term("Noise per coordinate, fixed without these examples.", check_sigma)]
    draws: Annotated[
        int, Term("Noise draws around the fine-tune; the same command with more goes on.", counts("draws"))
    ] = 100
    confidence: Annotated[float, Term("With which all statements hold together.", check_confidence)] = 0.95
    choices: Annotated[
        int, Term("How many such statements (fine-tune, subspace and σ) were open to choice.", counts("choices"))
    ] = 1
    exact: Annotated[
        bool, Term("Noise and fine-tune on a lattice, so that every sum is exact. --no-exact assumes it.")
    ] = True
    rows: Rows = CertificateQuestion.rows
    block: BlockSize = CertificateQuestion.block
