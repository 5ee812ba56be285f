"""What a model answers to ids or to vectors, judged as the task judges it; and how likely an opening is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from corrie.capabilities.safety import MAX_TOKENS, RequestTask
from corrie.inputs.untied import embedding_of
from corrie.models.greedy import Written, write_greedily
from corrie.models.key_values import keys_and_values_of, known_by
from corrie.models.model import Model
from corrie.models.reading import Writing


class Answer(NamedTuple):
    """A greedy answer: the task's label (complied, refused, collapsed) and the token ids."""

    label: str
    ids: tuple[int, ...]


class Opening(NamedTuple):
    """How likely the wanted opening is: mean nats per token, and whether greedy decoding writes all of it."""

    loss: Tensor
    greedy: bool


@dataclass(frozen=True, slots=True)
class Answering:
    """A model (head untied from its embedding) and the task that judges it."""

    model: Model
    task: RequestTask

    @property
    def table(self) -> Tensor:
        """E, shape (V, n)."""
        return embedding_of(self.model.module).weight.detach()

    def vectors(self, ids: Sequence[int]) -> Tensor:
        """The rows of some ids, shape (T, n)."""
        return self.table[torch.tensor(list(ids), device=self.table.device)]

    def from_ids(self, prompts: Sequence[Sequence[int]]) -> list[Answer]:
        """Answers of the present weights."""
        asked = [tuple(p) for p in prompts]
        return [self._judge(w) for w in write_greedily(self.model.module, asked, MAX_TOKENS, self.model.end_tokens)]

    @torch.no_grad()
    def from_vectors(self, vectors: Tensor) -> list[Answer]:
        """Answers to prompts given as vectors, shape (B, T, n). What is written is read through the embedding as ever.

        The same steps as :func:`corrie.models.greedy.write_greedily`, for prompts of one length.
        """
        model: Any = self.model.module
        written: list[list[int]] = [[] for _ in vectors]
        ended, finite = [False] * len(vectors), [True] * len(vectors)
        entered: dict[str, Tensor] = {"inputs_embeds": vectors}
        cache: Any = None
        for _ in range(MAX_TOKENS):
            out = model(**entered, **known_by(model, cache), use_cache=True, logits_to_keep=1)
            cache, logits = keys_and_values_of(out), out.logits[:, -1]
            best = logits.argmax(dim=1)
            for row, token in enumerate(best.tolist()):
                finite[row] = finite[row] and bool(torch.isfinite(logits[row]).all())
                ended[row] = ended[row] or token in self.model.end_tokens
                if finite[row] and not ended[row]:
                    written[row].append(token)
            if all(e or not f for e, f in zip(ended, finite, strict=True)):
                break
            entered = {"input_ids": best[:, None]}
        return [self._judge(Written(tuple(w), e, f)) for w, e, f in zip(written, ended, finite, strict=True)]

    def opening(self, vectors: Tensor, opening: Sequence[int]) -> Opening:
        """−(1/m) Σ log p(opening_i | prompt, opening_<i), differentiable in the prompt's vectors, shape (T, n)."""
        model: Any = self.model.module
        whole = torch.cat([vectors, self.vectors(opening[:-1])])[None]
        logits = model(inputs_embeds=whole, use_cache=False, logits_to_keep=len(opening)).logits[0]
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        wanted = torch.tensor(list(opening), device=logits.device)
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        return Opening(loss, bool((logits.argmax(dim=1) == wanted).all()))

    def _judge(self, written: Written) -> Answer:
        text = self.model.tokenizer.decode(list(written.ids), skip_special_tokens=True)
        writing = Writing(text=text, tokens=len(written.ids), ended=written.ended, finite=written.finite)
        return Answer(self.task.label("", writing), written.ids)
