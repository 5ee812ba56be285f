"""``corrie fraction``."""

from __future__ import annotations

from corrie.cli.asking import preset_or_tasks
from corrie.cli.console import say
from corrie.cli.options import Preset, PresetExamples
from corrie.cli.question import MODEL, Asked, Ending, asks, tasks_option
from corrie.cli.sharding import tell_shard
from corrie.questions.fraction import FractionQuestion


@asks(
    FractionQuestion,
    first={
        **MODEL,
        "task": (tasks_option(". Of several, all must be kept."), []),
        "preset": (Preset, None),
        "examples": (PresetExamples, None),
    },
    before=preset_or_tasks,
    folder="-fraction",
)
def fraction(asked: Asked) -> Ending | None:
    """Show that most random directions keep a score: with confidence C, at least a fraction F of them.

    A direction keeps it if the score on the same fixed examples stays within the tolerance of the unmoved model's. Exit
    code 0: the claim holds. 3: it does not, or not yet; what the draws do support is printed. Every draw is kept in the
    run folder; after Ctrl-C or a kill the same command goes on where it was.
    """
    question, claim = asked.question, asked.found
    if question.shard is not None:
        return tell_shard(question.shard, asked.folder, whole=True, as_json=asked.options["as_json"])
    say(f"Run: {asked.folder}.")
    more = claim.verdict.draws + (claim.verdict.remaining or 0)
    return Ending(
        f"at least {question.at_least:g} of all directions with confidence {question.confidence:g}",
        f"the same command with --draws {more} or more" if claim.status == "open" else "",
    )
