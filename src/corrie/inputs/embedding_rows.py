"""In a transformer, a change of embedding vectors *is* a change of embedding rows.

Idea
----
A transformer adds to its input x_t all the way up (the residual stream), so no change inside its first layer can stand
for a changed x_t. The exact first layer is the embedding itself, z = E e_t, a linear layer on one-hot inputs. Writing X
for the one-hot columns of a prompt's ids t_1 … t_T and D for a change of the T vectors that go in,

    some ΔE has ΔE X = D   ⇔   D_i = D_j wherever t_i = t_j,

and then row t of E moves by Δ_t = D_i, ‖ΔE‖_F² = Σ over *distinct* ids ‖Δ_t‖².

Proof. Column i of ΔE X is column t_i of ΔE. (It is :mod:`corrie.inputs.equivalence` for this X, whose row space is that
of the vectors that are equal wherever the ids are.) ∎

Conditions. One Δ for each id. The head must not be tied to E (:mod:`corrie.inputs.untied`), or it moves too. Ids must
act through E alone, which is asked of the model itself: fed with the vectors instead of the ids it must give the same
logits. And a row is a row for every later use: an id of the prompt that is generated, or scored in a continuation, is
looked up in the changed table as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import InputError, ModelError
from corrie.inputs.untied import embedding_name, embedding_of, tied_to_embedding
from corrie.models.model import Model
from corrie.records.model import SelectionSpec
from corrie.records.store import Realised
from corrie.weights.perturbed import moving
from corrie.weights.selection import select


@dataclass(frozen=True, eq=False, slots=True)
class RowChange:
    """What each token id's row moves by.

    rows   id → Δ, shape (n,), float32
    """

    rows: Mapping[int, Tensor]

    @classmethod
    def of(cls, ids: Sequence[int], change: Tensor) -> RowChange:
        """From the change of every position's vector, shape (T, n).

        Raises:
            InputError: shapes that do not fit, or an id that is changed in two ways.

        >>> change = RowChange.of([7, 3, 7], torch.tensor([[3.0, 0.0], [0.0, 4.0], [3.0, 0.0]]))
        >>> change.norm, sorted(change.rows)
        (5.0, [3, 7])
        """
        if change.dim() != 2 or len(change) != len(ids):
            raise InputError(
                f"a change of {len(ids)} tokens", found=f"shape {tuple(change.shape)}", advice="(tokens, width)"
            )
        rows: dict[int, Tensor] = {}
        first: dict[int, int] = {}
        for position, (token, delta) in enumerate(zip(ids, change.float(), strict=True)):
            if token in rows and not torch.equal(rows[token], delta):
                raise InputError(
                    f"a change of embedding rows for {len(ids)} tokens",
                    found=f"token {token} is changed in one way at position {first[token]} and in another at "
                    f"{position}",
                    advice="one change for each token id, or noise of its own on every position",
                )
            rows.setdefault(token, delta)
            first.setdefault(token, position)
        return cls(rows)

    @property
    def norm(self) -> float:
        """‖ΔE‖_F, over distinct ids."""
        return math.sqrt(sum(float(d.double().square().sum()) for d in self.rows.values()))

    def __str__(self) -> str:
        moved = sum(bool(d.any()) for d in self.rows.values())
        return f"{moved} embedding row{'' if moved == 1 else 's'} moved, Frobenius norm {self.norm:.4g}"


@contextmanager
def rows_changed(model: Model, change: RowChange) -> Iterator[Realised]:
    """The model with these rows moved, for the time of a ``with`` block (:mod:`corrie.weights.perturbed`).

    Raises:
        ModelError: a tied head (:func:`corrie.inputs.untied.untied`), or ids that act in another way too.
        InputError: an id that the model does not have, a change of another width.
        RestoreError: the rows could not be put back bit for bit.
    """
    tied = tied_to_embedding(model.module)
    if tied:
        raise ModelError(
            f"changing embedding rows of {model.identity.name}",
            found=f"they are {tied[0]} too, so the output head would change as well",
            advice="corrie.inputs.untied.untied(model)",
        )
    check_ids_act_through_embedding(model.module)
    name = embedding_name(model.module)
    rows = embedding_of(model.module).weight
    strange = [t for t, d in change.rows.items() if not 0 <= t < len(rows) or d.shape != rows.shape[1:]]
    if strange:
        raise InputError(
            f"row {strange[0]} of an embedding of shape {tuple(rows.shape)}",
            found=f"no such row, or a change of shape {tuple(change.rows[strange[0]].shape)}",
            advice=f"ids below {len(rows)} and changes of {rows.shape[1]} numbers",
        )
    whole = torch.zeros(rows.shape, dtype=torch.float32, device=rows.device)
    for token, delta in change.rows.items():
        whole[token] = delta.to(rows.device)
    with moving(select(model.module, SelectionSpec(include=(name,)))) as weights:
        yield weights.by({name: whole})


@torch.no_grad()
def check_ids_act_through_embedding(module: nn.Module) -> None:
    """Refuse a model in which a token id does more than choose a row. Asked of the model itself, on a few tokens.

    Raises:
        ModelError: with the vectors in place of the ids it gives other logits, or none.
    """
    model: Any = module
    embedding = embedding_of(module)
    ids = torch.tensor([[11, 23, 5, 41, 23, 8]], device=embedding.weight.device) % embedding.num_embeddings
    plain = nn.functional.embedding(ids, embedding.weight)
    try:
        same = torch.equal(
            model(input_ids=ids, use_cache=False).logits, model(inputs_embeds=plain, use_cache=False).logits
        )
    except (TypeError, ValueError, RuntimeError, AttributeError) as problem:
        raise ModelError(
            f"the input embedding of {type(module).__name__}", found=f"the model takes no vectors ({problem})"
        ) from None
    if not same:
        raise ModelError(
            f"the input embedding of {type(module).__name__}",
            found="token ids act on the logits in another way than by choosing a row",
            advice="a model whose ids go through its input embedding alone",
        )
