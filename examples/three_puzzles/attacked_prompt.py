"""One request as token ids, cut into what an attacker of the input may change and what stays.

    chat template | the user's own tokens | (a suffix) | chat template | the opening of an answer

Where vectors are moved, a Δ belongs to a token *id* (:mod:`corrie.inputs.embedding_rows`). So an id may be moved only
if it stands among the user's own tokens and neither in the template nor in the opening: a moved row would show there
too, and what is attacked would be more than the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.inputs.embedding_rows import RowChange
from corrie.models.model import Model
from corrie.models.reading import Question

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AttackedPrompt:
    """A user's turn through the chat template, and the opening that an attack asks for.

    before    the template's tokens before the request
    own       the request's
    after     the template's after it, up to the answer
    opening   the first tokens of the wanted answer
    """

    before: Ids
    own: Ids
    after: Ids
    opening: Ids

    @classmethod
    def of(cls, model: Model, request: str, opening: str) -> AttackedPrompt:
        """Cut a request's prompt.

        Raises:
            InputError: the request's tokens cannot be told from the template's, or the opening's from the prompt's.
            TaskError: a model without a chat template.
        """
        text = model.reader().chat(request)
        read = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, start = tuple(read.input_ids), text.rfind(request)
        inside = [i for i, (a, b) in enumerate(read.offset_mapping) if start <= a < b <= start + len(request)]
        (asked,) = model.sequences(Question(text, (opening,), templated=True))
        if start < 0 or not inside or asked.ids[: asked.start] != ids:
            raise InputError(
                f"a request of {len(request)} characters in a chat template",
                found="its tokens run into the template's, or the opening's into the prompt's",
                advice="a model whose template ends a turn with tokens of its own",
            )
        first, last = inside[0], inside[-1] + 1
        return cls(ids[:first], ids[first:last], ids[last:], asked.ids[asked.start :])

    @property
    def ids(self) -> Ids:
        """The prompt as the model gets it."""
        return self.with_suffix(())

    def with_suffix(self, suffix: Sequence[int]) -> Ids:
        """The prompt with tokens after the request."""
        return (*self.before, *self.own, *suffix, *self.after)

    @property
    def movable(self) -> Ids:
        """The distinct ids of the request that stand neither in the template nor in the opening.

        >>> AttackedPrompt((1, 2), (5, 2, 5, 7, 9), (3,), (9,)).movable
        (5, 7)
        """
        return tuple(sorted(set(self.own) - {*self.before, *self.after, *self.opening}))

    def moved(self, vectors: Tensor, change: Tensor) -> Tensor:
        """The prompt's vectors with one Δ added for each movable id.

        Args:
            vectors: shape (T, n), of the prompt without a suffix.
            change: shape (…, ids, n), in the order of :attr:`movable`.

        Returns:
            shape (…, T, n).

        >>> prompt = AttackedPrompt((1,), (5, 7, 5), (3,), (9,))
        >>> prompt.moved(torch.zeros(5, 1), torch.tensor([[2.0], [4.0]])).flatten().tolist()
        [0.0, 2.0, 4.0, 2.0, 0.0]
        """
        known = {token: row for row, token in enumerate(self.movable)}
        rows = torch.tensor([known.get(t, len(known)) for t in self.ids], device=vectors.device)
        still = change.new_zeros((*change.shape[:-2], 1, change.shape[-1]))
        return vectors + torch.cat([change, still], dim=-2)[..., rows, :]

    def row_change(self, change: Tensor) -> RowChange:
        """The same as a change of the embedding's rows."""
        return RowChange(dict(zip(self.movable, change.detach(), strict=True)))
