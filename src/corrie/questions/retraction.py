"""How far a fine-tune has to go back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize, Tolerance
from corrie.records.rules import check_two_sided


@dataclass(frozen=True, kw_only=True)
class RetractionQuestion(BaseQuestion):
    """The largest α in [0, 1] at which α times a fine-tune's change keeps every named task."""

    tolerance: Tolerance = 0.1
    confidence: Annotated[float, Term("Of the tests on fresh examples.", check_two_sided)] = 0.95
    block: BlockSize = 10
