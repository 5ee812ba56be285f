"""``corrie certify``."""

from __future__ import annotations

from corrie.cli.asking import preset_or_tasks
from corrie.cli.console import say
from corrie.cli.options import Preset, PresetExamples
from corrie.cli.question import MODEL, Asked, Ending, asks, tasks_option
from corrie.questions.certificate import CertificateQuestion


@asks(
    CertificateQuestion,
    first={
        **MODEL,
        "task": (tasks_option("; all their bounds hold together."), []),
        "preset": (Preset, None),
        "examples": (PresetExamples, None),
    },
    before=preset_or_tasks,
    folder="-certificate",
)
def certify(asked: Asked) -> Ending:
    """Certify scores of the smoothed model after every weight change of a norm, searched for or not.

    The run folder gets the outcomes and the certificate (corrie verify checks it without the model). Exit code 0: the
    certificate is informative. 3: it is vacuous at the distance asked about, or abstains; it is written all the same.
    """
    file = asked.found.file_in(asked.folder)
    say(f"Certificate: {file}. Next: corrie verify {file}")
    advice = "a subspace of fewer dimensions, where σ can be larger, or more draws"
    return Ending("an informative certificate", advice)
