"""What is asked of the adapters around a certificate: to draw some of the smoothed model, to pull one back inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.records.rules import check_adapters, check_radius

ItsModel = Annotated[
    str | None, Term("Where the certificate's model lies. Default: the name it had.", flags=("--model",))
]
ItsSubspace = Annotated[
    str | None,
    Term(
        "Where its subspace lies, if no law makes it: adapter:FOLDER, core:FILE. It is compared.",
        flags=("--subspace",),
    ),
]


@dataclass(frozen=True, kw_only=True)
class DrawQuestion(BaseQuestion):
    """Adapters of the smoothed model that a certificate speaks of."""

    count: Annotated[int, Term("How many adapters are drawn.", check_adapters)] = 16
    seed: Annotated[int | None, Term("Seed of the first draw. Default: each from the operating system, and said.")] = (
        None
    )
    model: ItsModel = None
    subspace: ItsSubspace = None


@dataclass(frozen=True, kw_only=True)
class PullBackQuestion(BaseQuestion):
    """An adapter, scaled until it lies within a certified radius."""

    radius: Annotated[
        float | None,
        Term("L2 distance. Default: the certificate's radius. Alone: the norm of B.", check_radius),
    ] = None
    model: ItsModel = None
    subspace: ItsSubspace = None
