"""Agreement: does the moved model still say what the unmoved one says?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

from corrie.capabilities.base import ExampleTask
from corrie.capabilities.examples import Target
from corrie.capabilities.likelihood import target_question
from corrie.capabilities.order import fixed_order
from corrie.capabilities.suite import AGREEMENT
from corrie.capabilities.task import Task
from corrie.capabilities.windows import MOST_WINDOWS, WINDOW_BYTES, last_window, windows
from corrie.errors import InputError, TaskError
from corrie.models.reading import Comparer, Reader
from corrie.records.cell import Outcome
from corrie.records.plain_file import read_plain
from corrie.records.scoring import BEHAVIOUR
from corrie.records.task import ExampleCard

if TYPE_CHECKING:
    from corrie.models.reference import Divergence

_BYTES = 64 * 2**20
_LOOKED_AT = 4 * MOST_WINDOWS
"""Most examples of one task whose text is looked at: several short ones make one window."""


@final
class AgreementTask(ExampleTask[Target]):
    """Short texts; the score of one is the share of its tokens at which the most likely token is the unmoved model's.

    With p the unmoved and q the present model, x_<t what stands before token t of T:

        score = (1/T) Σ_t [argmax_v q(v | x_<t) = argmax_v p(v | x_<t)],
        loss  = (1/T) Σ_t KL(p(· | x_<t) ‖ q(· | x_<t)).

    The loss is in nats per token, over the whole vocabulary. Nothing is right or wrong by itself: the text only says
    where to compare, and the unmoved model scores 1 with loss 0, to the bit. There is no exact chance level: a model
    that knows nothing still agrees on the commonest token now and then. It is given as 0. The label is *right* only
    when every token agrees. What is no number scores 0 and has no loss. See ``design/agreement.md``.

    The reader must be a :class:`corrie.models.reading.Comparer` that was asked to remember these texts before its
    weights were moved (:func:`corrie.capabilities.rehearsal.remember`).

    >>> from corrie.capabilities.rehearsal import remember
    >>> from corrie.testing.toy_models import toy_model
    >>> task = AgreementTask("agreement", [Target("1", "", "Once upon a time")], capability="behaviour", source="here")
    >>> model = toy_model()
    >>> remember(task, model.reader(), 1)
    >>> outcome = task.score(model.reader(), 0, 1)[0]
    >>> outcome.success, outcome.loss
    (1.0, 0.0)
    """

    scoring = "agreement"
    law = "agreement-1"

    def check(self, reader: Reader) -> None:
        """Can this reader compare? (See the protocol.)

        Raises:
            TaskError: it cannot.
        """
        super().check(reader)
        if not isinstance(reader, Comparer):
            raise TaskError(
                f"task {self.identity.name!r}",
                found="it compares a moved model with the unmoved one, and this is not asked of a moved model",
                advice="a task that is scored by itself, such as knowledge",
            )

    def _score(self, reader: Reader, block: Sequence[Target]) -> tuple[Outcome, ...]:
        if not isinstance(reader, Comparer):
            raise TypeError("a reader that was not checked")
        found = reader.differ([target_question(reader, self.framing, e) for e in block])
        return tuple(_outcome(e, differences[0]) for e, differences in zip(block, found, strict=True))

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        return self._card(example.id, example.target, "")


def _outcome(example: Target, found: Divergence) -> Outcome:
    if found.tokens == 0:
        return Outcome(id=example.id, success=None, label="unscored")
    finite = math.isfinite(found.nats)
    return Outcome(
        id=example.id,
        success=found.agreeing / found.tokens,
        loss=found.nats / found.tokens if finite else None,
        label="right" if found.agreeing == found.tokens else "wrong",
        answer=found.answer,
    )


def agreement_on(tasks: Sequence[Task], name: str | None = None) -> AgreementTask:
    """Agreement on the tasks' own texts: the ends of their first examples, a window of each, the tasks taking turns.

    Texts of harmful requests are left out. Without a name of its own it is called after the tasks.

    Raises:
        InputError: the tasks have no text that may be shown, or too little.

    >>> from corrie.testing.toy_tasks import toy_choice
    >>> print(agreement_on([toy_choice(size=12)]))
    agreement:toy: behaviour by agreement on 6 examples of the texts of toy; chance 0
    """
    shown = [task for task in tasks if not task.identity.sensitive]
    names = [task.identity.name for task in shown]
    turns = [_own(task, -(-MOST_WINDOWS // len(shown))) for task in shown]
    texts = [t[turn] for turn in range(MOST_WINDOWS) for t in turns if turn < len(t)][:MOST_WINDOWS]
    if not texts:
        asked = ", ".join(task.identity.name for task in tasks) or "no task"
        raise InputError(
            f"agreement on the texts of {asked}",
            found="no text that may be shown" if not shown else f"less than {WINDOW_BYTES // 2} bytes of text",
            advice="agreement:FILE.txt, or tasks with longer texts",
        )
    return AgreementTask(
        f"{AGREEMENT}:{'+'.join(names)}" if name is None else name,
        texts,
        capability=BEHAVIOUR,
        source=f"the texts of {', '.join(names)}",
    )


def text_of(card: ExampleCard) -> str:
    """An example as running text: what is asked, and the right answer.

    >>> text_of(ExampleCard(id="1", prompt="2 + 2 =", target="4"))
    '2 + 2 = 4'
    """
    between = "" if not card.target or card.prompt[-1:].isspace() else " "
    return f"{card.prompt}{between}{card.target}"


def _own(task: Task, most: int) -> list[Target]:
    """The texts of a task's first examples; several short ones make one window."""
    found: list[Target] = []
    before = ""
    for index in range(min(task.identity.size, _LOOKED_AT)):
        card = task.card(index)
        before = last_window(f"{before}{text_of(card)}".strip())
        if len(before.encode("utf-8", "surrogatepass")) < WINDOW_BYTES // 2:
            before += "\n"
            continue
        found.append(Target(f"{task.identity.name}:{card.id}", "", before))
        before = ""
        if len(found) == most:
            break
    return found


def agreement_in(file: Path | str) -> AgreementTask:
    """Agreement on a user's own text file, in windows that are spread over all of it.

    Raises:
        InputError: no such file, or none that is plain.
        TaskError: it is not UTF-8, or shorter than a window.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "story.txt"
    >>> _ = file.write_text("It was the best of times, it was the worst of times. " * 10)
    >>> print(agreement_in(file))
    agreement:story.txt: behaviour by agreement on 6 examples of story.txt; chance 0
    """
    file = Path(file)
    asked, advice = f"text file {str(file)!r}", f"a text file of at most {_BYTES // 2**20} MiB"
    content = read_plain(file, asked, most=_BYTES, error=InputError, advice=advice)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise TaskError(asked, found=f"it is not UTF-8 ({problem})", advice="UTF-8 text") from None
    found = [Target(str(number), "", window) for number, window in enumerate(windows(text), start=1)]
    if not found:
        size = len(text.strip().encode("utf-8"))
        raise TaskError(
            asked,
            found=f"{size} bytes of text, less than one window" if size else "no text in it",
            advice=f"a text of {WINDOW_BYTES} bytes or more, best {MOST_WINDOWS * WINDOW_BYTES / 1000:.1f} kB",
        )
    return AgreementTask(
        f"{AGREEMENT}:{file.name}", fixed_order(found, "text")[:MOST_WINDOWS], capability=BEHAVIOUR, source=file.name
    )
