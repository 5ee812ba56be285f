"""A point's reader (:class:`corrie.models.reading.Comparer`): vLLM writes, the model itself reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corrie.errors import RunError
from corrie.models.greedy import Written
from corrie.models.model import Model
from corrie.models.reading import Question, Reading, Writing
from corrie.models.reference import Divergence
from corrie.models.stops import Stops, stopping
from corrie.models.vllm.copy import VllmCopy


class VllmReader:
    """Serves one point.

    Args:
        model: whose tokenizer and template are used, and who reads.
        copy: vLLM's, at the point.
        moved: the model itself is at the point too; it is asked nothing where it is not.
    """

    def __init__(self, model: Model, copy: VllmCopy, moved: bool) -> None:
        self._model, self._copy, self._moved = model, copy, moved
        self._plain = model.reader()

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """Readings by the model itself.

        Raises:
            RunError: it is not at the point.
        """
        self._check("a likelihood")
        return self._plain.read(questions, shared)

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """Greedy continuations by vLLM, each as far as the engine in this process would have written it."""
        encoder = self._model.encoder
        ids = [encoder.prompt(prompt, templated, max_tokens) for prompt in prompts]
        reached = None if stops is None else stopping(stops, encoder)
        written = [_until(w, reached) for w in self._copy.write(ids, max_tokens, self._model.end_tokens, reached)]
        return [
            Writing(text=encoder.decode(w.ids, special=False), tokens=len(w.ids), ended=w.ended, finite=w.finite)
            for w in written
        ]

    def remember(self, questions: Sequence[Question]) -> None:
        """See :class:`corrie.models.reading.Comparer`."""
        self._plain.remember(questions)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        """Divergences by the model itself.

        Raises:
            RunError: it is not at the point.
        """
        self._check("a divergence")
        return self._plain.differ(questions)

    def chat(self, request: str) -> str:
        """The request as a prompt through the chat template, ready for the assistant's answer."""
        return self._plain.chat(request)

    @property
    def has_chat_template(self) -> bool:
        return self._plain.has_chat_template

    def _check(self, asked: str) -> None:
        if not self._moved:
            raise RunError(
                f"{asked} with the engine vllm",
                found="its task is scored by what is written, and the model itself stays unmoved for those",
                advice="--engine serial",
            )


def _until(written: Written, reached: Callable[[Sequence[int]], bool] | None) -> Written:
    """As far as the engine in this process would have written."""
    if reached is not None:
        for count in range(1, len(written.ids) + 1):
            if reached(written.ids[:count]):
                return Written(written.ids[:count], True, True)
    return written
