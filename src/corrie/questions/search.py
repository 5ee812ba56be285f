"""In which direction a model is moved worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term


@dataclass(frozen=True, kw_only=True)
class SearchQuestion(BaseQuestion):
    """The direction along which a task's loss rises most at a distance."""

    distance: Annotated[float, Term("L2 distance at which the loss shall be highest.")]
    method: Annotated[
        str,
        Term(
            "ascent (projected gradient ascent), gradient (its first step: the gradient of the unmoved model) or "
            "hessian (the top eigenvector of the Hessian)."
        ),
    ] = "ascent"
    steps: Annotated[int | None, Term("Of each climb (default 20); Hessian products at most (default 50).")] = None
    restarts: Annotated[int, Term("Further climbs, from random points at that distance.")] = 0
    seed: Annotated[int, Term("Of the first random start.")] = 0

    def check(self) -> None:
        """The search's own rules, for any model and task."""
        from corrie.records.search_spec import check_search

        check_search(**self.terms())
