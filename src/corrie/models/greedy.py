"""Greedy generation: a batch of prompts, padded on the left, one token at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from corrie.models.encoding import common_length
from corrie.models.head import logits_at
from corrie.models.kept_keys import grow_in_place, joined, keeps_keys_alone, spread, stay
from corrie.models.key_values import keys_and_values_of, known_by
from corrie.models.rope import forget_longer_rows

_FEWEST = 2
"""Prompts that stay in a batch which began with more."""

_PART = 8
"""Rows of a part whose prompts are read together, at least."""

_SHARE = 8
"""Rows leave when one of so many has ended: it costs about a third of a token's time, and a batch that is smaller by an
eighth saves a thirteenth at every token."""


class Written(NamedTuple):
    """One continuation: token ids without the end token, did it end before the limit (by an end token, or because no
    more was needed), were all logits numbers."""

    ids: tuple[int, ...]
    ended: bool
    finite: bool


class Batch:
    """Prompts of any length, padded on the left where their lengths differ, that grow token by token.

    What all prompts begin with is read once, as one row, and its keys and values are put where the padded batch would
    have had them; the rest is read in parts of about the same length, so that little padding is read. Where a model
    keeps more than keys and values (a recurrent state), every row is read whole, padded to the longest.

    Args:
        keep: keys and values (or states) of what was read are kept; without, the whole is read again at every token,
            as it also is where a model gives none out.
        share: read what all prompts begin with once, and the rest in parts.
        groups: equal parts of the batch, each for a change of the weights of its own, with the same prompts in each.
        room: tokens that each row may grow by.
    """

    def __init__(
        self,
        module: nn.Module,
        prompts: Sequence[tuple[int, ...]],
        keep: bool = True,
        *,
        share: bool = False,
        groups: int = 1,
        room: int = 0,
    ) -> None:
        self._module: Any = module
        device = next(module.parameters()).device
        longest = max(map(len, prompts))
        self._padding = [longest - len(prompt) for prompt in prompts]
        self._ids = torch.tensor([[0] * p + list(prompt) for p, prompt in zip(self._padding, prompts, strict=True)]).to(
            device
        )
        padded = any(self._padding)
        self._mask = torch.tensor([[0] * p + [1] * (longest - p) for p in self._padding]).to(device) if padded else None
        starts = torch.tensor(self._padding, device=device)[:, None]
        self._positions = (torch.arange(longest, device=device)[None] - starts).clamp_(min=0)
        self._rows = torch.arange(len(prompts), device=device)
        self._keep, self._known, self._read, self._room, self._groups = keep, None, 0, room, groups
        forget_longer_rows(module)
        self.shares, self._begun = False, False
        if keep and share and len(prompts) > groups:
            self._read_once(_beginning(prompts))

    def _read_once(self, beginning: tuple[int, ...]) -> None:
        """Keep what all rows begin with, if that is columns of keys and values."""
        if not beginning:
            return
        ids = torch.tensor([beginning], device=self._ids.device).expand(self._groups, -1)
        with torch.no_grad(), logits_at(self._module, self._rows[:1], self._rows[:1]):
            known = keys_and_values_of(self._module(input_ids=ids, use_cache=True))
        if keeps_keys_alone(known, len(beginning)):
            self.shares, self._known, self._read = True, known, len(beginning)

    @torch.no_grad()
    def logits(self) -> Tensor:
        """Of the token that comes next, shape (batch, vocabulary)."""
        first, self._begun = not self._begun, True
        logits, known = self._in_parts() if first and self.shares else self._pass(self._rows, 0, self._known)
        if self._keep:
            self._known = known
            self._keep = known is not None
            self._read = self._ids.shape[1] if self._keep else 0
            if first and keeps_keys_alone(known):
                grow_in_place(known, self._room)
        return logits

    def _in_parts(self) -> tuple[Tensor, Any]:
        """The prompts behind what all begin with, the shortest first: logits and what is kept of all rows."""
        batch = len(self._rows) // self._groups
        order = sorted(range(batch), key=lambda row: -self._padding[row])
        parts = max(batch // _PART, 1) if self._mask is not None else 1
        cuts = [batch * part // parts for part in range(parts + 1)]
        logits, kept, rows = [], [], []
        for begin, end in pairwise(cuts):
            places = order[begin:end]
            spare = min(self._padding[row] for row in places)
            known = spread(self._known, [self._padding[row] - spare for row in places])
            rows.append([group * batch + row for group in range(self._groups) for row in places])
            found, left = self._pass(self._rows[rows[-1]], spare, known)
            logits.append(found)
            kept.append(left)
        where = torch.tensor([row for part in rows for row in part], device=self._ids.device)
        return torch.cat(logits)[where.argsort()], joined(kept, rows, self._ids.shape[1])

    def _pass(self, rows: Tensor, spare: int, known: Any) -> tuple[Tensor, Any]:
        """One pass of some rows over what is not read yet: logits of their last token, and what is kept.

        Args:
            spare: columns at the left that hold nothing but padding in these rows.
        """
        columns = slice(spare + self._read, None)
        ids = self._ids[rows, columns]
        # without padding the model counts positions by its own rule
        padded: dict[str, Tensor] = {}
        if self._mask is not None:
            padded = {"attention_mask": self._mask[rows, spare:], "position_ids": self._positions[rows, columns]}
        asked = known_by(self._module, known) if self._keep else {}
        places = self._rows[: len(rows)]
        with logits_at(self._module, places, torch.full_like(places, ids.shape[1] - 1)):
            out = self._module(input_ids=ids, use_cache=self._keep, **padded, **asked)
        return out.logits[0], keys_and_values_of(out) if self._keep else None

    def add(self, tokens: Tensor) -> None:
        """One token more for each row, shape (batch,)."""
        self._ids = torch.cat([self._ids, tokens[:, None]], dim=1)
        self._positions = torch.cat([self._positions, self._positions[:, -1:] + 1], dim=1)
        if self._mask is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones((len(tokens), 1))], dim=1)

    def stay(self, rows: Sequence[int]) -> bool:
        """Let only these rows go on; False, and all stay, where what a model keeps cannot be parted."""
        if self._keep and not keeps_keys_alone(self._known):
            return False
        chosen = self._rows[list(rows)]
        self._ids, self._positions = self._ids[chosen], self._positions[chosen]
        self._mask = None if self._mask is None else self._mask[chosen]
        if self._keep:
            stay(self._known, chosen)
        self._rows = self._rows[: len(chosen)]
        return True


def _beginning(prompts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What all prompts begin with; the last token of each is left to itself.

    >>> _beginning([(1, 2, 3, 4), (1, 2, 5)]), _beginning([(1, 2), (1, 2)])
    ((1, 2), (1,))
    """
    shortest = min(map(len, prompts)) - 1
    return prompts[0][: min(shortest, *(common_length(prompts[0], prompt) for prompt in prompts))]


def write_greedily(
    module: nn.Module,
    prompts: Sequence[tuple[int, ...]],
    max_tokens: int,
    end_tokens: frozenset[int],
    keep: bool = True,
    *,
    share: bool = False,
    groups: int = 1,
    reached: Callable[[Sequence[int]], bool] | None = None,
) -> list[Written]:
    """The most likely token after each prompt, again and again, until an end token, the limit, or enough is written.

    Nothing random, no penalties, no clock: a function of the weights and the batch. A row whose logits are no
    numbers stops there. Rows that have ended leave, once an eighth of the batch has; two stay at least, for a single
    row is another product, with other last digits. ``keep``, ``share``, ``groups``: see :class:`Batch`.

    Args:
        reached: asked with the tokens of a row after each of them: are they enough?

    Returns:
        One for each group and prompt, group by group.
    """
    batch = Batch(module, [*prompts] * groups, keep, share=share, groups=groups, room=max_tokens)
    written: list[list[int]] = [[] for _ in range(len(prompts) * groups)]
    ended, finite = [False] * len(written), [True] * len(written)
    there = list(range(len(prompts)))
    parted = len(prompts) > _FEWEST
    for _ in range(max_tokens):
        logits = batch.logits()
        low, high = torch.aminmax(logits, dim=1)
        numbers = (torch.isfinite(low) & torch.isfinite(high)).tolist()
        best = logits.argmax(dim=1)
        rows = [group * len(prompts) + place for group in range(groups) for place in there]
        for row, token, number in zip(rows, best.tolist(), numbers, strict=True):
            if ended[row] or not finite[row]:
                continue
            if not number:
                finite[row] = False
            elif token in end_tokens:
                ended[row] = True
            else:
                written[row].append(token)
                ended[row] = reached is not None and reached(written[row])
        done = [e or not f for e, f in zip(ended, finite, strict=True)]
        if all(done):
            break
        batch.add(best)
        if parted:
            goes_on = [not all(done[place :: len(prompts)]) for place in there]
            left = len(there) - max(sum(goes_on), _FEWEST)
            if left > 0 and left >= len(there) // _SHARE:
                spare = max(_FEWEST - sum(goes_on), 0)
                stays = [n for n, on in enumerate(goes_on) if on or (spare := spare - 1) >= 0]
                parted = batch.stay([group * len(there) + n for group in range(groups) for n in stays])
                there = [there[n] for n in stays] if parted else there
    return [Written(tuple(w), e, f) for w, e, f in zip(written, ended, finite, strict=True)]
