"""``corrie generalise``."""

from __future__ import annotations

from typing import Annotated

import typer

from corrie.cli.console import say
from corrie.cli.question import MODEL, Asked, Ending, asks, tasks_option
from corrie.questions.generalisation import GeneralisationQuestion

Tuned = Annotated[str, typer.Argument(metavar="ADAPTER", help="The fine-tune; it may have seen the examples.")]


@asks(
    GeneralisationQuestion,
    first={**MODEL, "tuned": (Tuned, ...), "task": (tasks_option("; all their statements hold together."), ...)},
    folder="-generalise",
)
def generalise(asked: Asked) -> Ending:
    """What a fine-tune's distance says about new examples: a PAC-Bayes limit of the smoothed model's score.

    The fine-tune may have been trained on the very examples. Exit code 0: the limit is above chance. 3: it is not; it
    is written all the same.
    """
    say(f"Statement: {asked.found.file_in(asked.folder)}.")
    advice = "more examples, a smaller distance (corrie project), or a subspace where σ can be larger"
    return Ending("an informative statement about new examples", advice)
