"""A model's present weights, ready to be asked (the ``Reader`` protocol over a causal language model)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from corrie.models.encoding import Encoder, Sequenced
from corrie.models.engine import Engine, scorer
from corrie.models.greedy import Written, write_greedily
from corrie.models.likelihood import TokenScores
from corrie.models.plain import PlainEngine
from corrie.models.reading import Question, Reading, Writing
from corrie.models.reference import Divergence, Reference, TokenDifferences, token_differences
from corrie.models.stops import Stops, stopping


class ModelReader:
    """Serves one point: it keeps keys and values of shared beginnings, and is thrown away when the weights move.

    With several ``rows`` it serves as many points at once, for a module that gives every row of a batch a change of its
    own; :meth:`read` and :meth:`write` then speak of the first (:mod:`corrie.models.rows` has a reader for each).

    ``slots`` of the prompts of a call are written at the same time (:class:`corrie.models.reading.Queueing`).
    """

    def __init__(
        self,
        module: nn.Module,
        encoder: Encoder,
        engine: Engine,
        end_tokens: frozenset[int],
        rows: int = 1,
        reference: Reference | None = None,
    ) -> None:
        self._module = module
        self._encoder = encoder
        self._how = engine
        self._engine = scorer(module, engine, rows)
        self._end_tokens = end_tokens
        self._rows = rows
        self.slots: int | None = None
        self._alone = PlainEngine(module, rows)
        self._reference = Reference() if reference is None else reference

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """One reading for each continuation of each question (see :class:`corrie.models.reading.Reader`)."""
        return self.read_rows(questions, shared)[0]

    def read_rows(self, questions: Sequence[Question], shared: str = "") -> list[list[tuple[Reading, ...]]]:
        """The same for every row."""
        if not questions:
            return [[] for _ in range(self._rows)]
        sequences = [self._encoder.question(q) for q in questions]
        beginning = self._encoder.encode(shared, questions[0].templated) if shared else ()
        return [
            [tuple(map(self._reading, question)) for question in row]
            for row in self._engine.score_rows(sequences, beginning)
        ]

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """Greedy continuations (see :class:`corrie.models.reading.Reader`)."""
        return self.write_rows(prompts, max_tokens, templated, stops)[0]

    def write_rows(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[list[Writing]]:
        """The same for every row."""
        ids = [self._encoder.prompt(p, templated, max_tokens) for p in prompts]
        found: dict[int, list[Written]] = {}
        for batch in self._batches(ids, max_tokens):
            asked = [ids[place] for place in batch]
            written = write_greedily(
                self._module,
                asked,
                max_tokens,
                self._end_tokens,
                self._how.keep,
                share=self._how.share,
                groups=self._rows,
                slots=self.slots,
                enter=self._how.enter,
                reached=None if stops is None else stopping(stops, self._encoder),
            )
            found |= {place: written[number :: len(batch)] for number, place in enumerate(batch)}
        return [[self._writing(found[place][row]) for place in range(len(ids))] for row in range(self._rows)]

    def remember(self, questions: Sequence[Question]) -> None:
        """Keep what the unmoved model says (see :class:`corrie.models.reading.Comparer`)."""
        self.remember_sequences([s for question in questions for s in self._encoder.question(question)])

    def remember_sequences(self, sequences: Sequence[Sequenced]) -> None:
        """The same for texts that are tokens already."""
        for sequence in sequences:
            self._reference.keep(sequence, self._alone.logits(sequence)[0])
        self._reference.check(sequences)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        """One divergence for each continuation of each question (see :class:`corrie.models.reading.Comparer`)."""
        return self.differ_rows(questions)[0]

    def differ_rows(self, questions: Sequence[Question]) -> list[list[tuple[Divergence, ...]]]:
        """The same for every row."""
        found = [[self._differences(s) for s in self._encoder.question(q)] for q in questions]
        return [[tuple(rows[row] for rows in question) for question in found] for row in range(self._rows)]

    def _differences(self, sequence: Sequenced) -> list[Divergence]:
        """Of one sequence, in every row."""
        unmoved = self._reference.of(sequence)
        return [self._difference(token_differences(unmoved, present)) for present in self._alone.logits(sequence)]

    def _difference(self, found: TokenDifferences) -> Divergence:
        return Divergence(
            nats=float(found.divergence.sum()),
            tokens=len(found.best),
            agreeing=int(found.agrees.sum()),
            answer=self._encoder.decode(found.best.tolist(), special=True),
        )

    def _batches(self, prompts: Sequence[tuple[int, ...]], max_tokens: int) -> list[list[int]]:
        """Places of the prompts that are written together: none whose text could change its neighbours'."""
        near = [self._how.together and self._how.reach.holds(len(p) + max_tokens, len(p) + max_tokens) for p in prompts]
        together = [place for place, fits in enumerate(near) if fits]
        alone = [[place] for place, fits in enumerate(near) if not fits]
        return [together, *alone] if together else alone

    def chat(self, request: str) -> str:
        """The request as a prompt through the chat template, ready for the assistant's answer."""
        return self._encoder.template.prompt(request)

    @property
    def has_chat_template(self) -> bool:
        return self._encoder.template.there

    def _writing(self, written: Written) -> Writing:
        text = self._encoder.decode(written.ids, special=False)
        return Writing(text=text, tokens=len(written.ids), ended=written.ended, finite=written.finite)

    def _reading(self, scores: TokenScores) -> Reading:
        return Reading(
            log_likelihood=float(scores.log_likelihood.double().sum()),
            tokens=len(scores.best),
            greedy=int(scores.greedy.sum()),
            answer=self._encoder.decode(scores.best.tolist(), special=True),
        )
