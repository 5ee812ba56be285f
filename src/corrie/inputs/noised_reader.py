"""A reader whose model sees noised prompts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from corrie.errors import TaskError
from corrie.inputs.embedding_noise import VirtualTokens
from corrie.inputs.prompts import Prompts
from corrie.inputs.token_noise import masked, scattered
from corrie.models.encoding import Sequenced
from corrie.models.model import Model
from corrie.models.reader import ModelReader
from corrie.models.reading import Question, Reading, Writing
from corrie.models.stops import Stops
from corrie.records.input_spec import InputSpec


class NoisedReader(ModelReader):
    """Reads every question with the noise of one draw on its prompt's own tokens; all its options see the same noise.

    The noise of example j on draw i is a function of the spec's seed, i and j, and independent of every other's. Set
    ``draw`` before each draw; None reads the prompts as they are.
    """

    def __init__(self, model: Model, prompts: Prompts, spec: InputSpec) -> None:
        super().__init__(model.module, model.encoder, model.engine, model.end_tokens)
        self._prompts = prompts
        self._spec = spec
        self._number = {context: index for index, context in enumerate(prompts.contexts)}
        self._virtual = None if spec.noise.counts else VirtualTokens(model.module)
        self.draw: str | None = None

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """One reading for each continuation of each question, given the noised prompt."""
        sequences = [self._noised(q) for q in questions]
        # the engine keeps the last two tokens of a beginning out of what it remembers
        beginning = (*self._prompts.kept, 0, 0) if self._prompts.before else ()
        with self._virtual.understood() if self._virtual else nullcontext():
            scores = self._engine.score(sequences, beginning)
        if self._virtual:
            self._virtual.forget()
        return [tuple(map(self._reading, q)) for q in scores]

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """Refused: see :class:`corrie.inputs.prompts.Listener`."""
        raise TaskError("noised prompts", found="the task lets the model write", advice="choice or likelihood")

    def _noised(self, question: Question) -> tuple[Sequenced, ...]:
        """The question's sequences with its own tokens noised, once for all of them."""
        sequences = self._encoder.question(question)
        if self.draw is None:
            return sequences
        index = self._number[question.context, question.templated]
        start, stop = self._prompts.before, len(self._prompts.ids[index]) - self._prompts.after
        noised = self._noise(self._prompts.own(index), f"inputs {self.draw} example {index}")
        return tuple(Sequenced(s.ids[:start] + noised + s.ids[stop:], s.start) for s in sequences)

    def _noise(self, ids: tuple[int, ...], name: str) -> tuple[int, ...]:
        noise, seed = self._spec.noise, self._spec.seed
        if self._virtual is not None:
            return self._virtual.noised(ids, noise.level, seed, name)
        if self._spec.mask is not None:
            return masked(ids, noise.level, self._spec.mask, seed, name)
        return scattered(ids, noise.level, self._spec.vocabulary, seed, name)
