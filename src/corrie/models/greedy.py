"""Greedy generation: a batch of prompts, padded on the left, one token at a time; others come in for those that end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from corrie.models.encoding import common_length
from corrie.models.head import logits_at
from corrie.models.kept_keys import fit, grow_in_place, joined, keeps_keys_alone, put, spread, stay
from corrie.models.key_values import keys_and_values_of, known_by
from corrie.models.rope import forget_longer_rows

_FEWEST = 2
"""Prompts that stay in a batch which began with more."""

_PART = 8
"""Rows of a part whose prompts are read together, at least."""

_SHARE = 8
"""Rows leave, or others come in for them, when one of so many has ended: leaving costs about a third of a token's time,
and a batch that is smaller by an eighth saves a thirteenth at every token."""


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
        waiting: prompts that may come in later (:meth:`enter`); what is read once is what they begin with too.
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
        waiting: Sequence[tuple[int, ...]] = (),
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
        self._shared, self._first = 0, True
        self._beginning: Any = None
        if keep and share and (waiting or len(prompts) > groups):
            self._read_once(_beginning([*prompts, *waiting]))

    @property
    def shares(self) -> bool:
        """Whether what all begin with was read once."""
        return self._beginning is not None

    def _read_once(self, beginning: tuple[int, ...]) -> None:
        """Keep what all rows begin with, if that is columns of keys and values."""
        if not beginning:
            return
        ids = torch.tensor([beginning], device=self._ids.device).expand(self._groups, -1)
        with torch.no_grad(), logits_at(self._module, self._rows[:1], self._rows[:1]):
            known = keys_and_values_of(self._module(input_ids=ids, use_cache=True))
        if keeps_keys_alone(known, len(beginning)):
            self._beginning, self._shared = known, len(beginning)

    @torch.no_grad()
    def logits(self) -> Tensor:
        """Of the token that comes next, shape (batch, vocabulary)."""
        first, self._first = self._first, False
        if first and self.shares:
            logits, known = self._in_parts()
        else:
            logits, known = self._pass(self._rows, 0, slice(self._read, None), self._known)
        if self._keep:
            self._known = known
            self._keep = known is not None
            self._read = self._ids.shape[1] if self._keep else 0
            if first and keeps_keys_alone(known):
                grow_in_place(known, self._room)
        return logits

    def _in_parts(self) -> tuple[Tensor, Any]:
        """The prompts behind what all begin with: logits and what is kept of all rows."""
        logits, kept, rows = [], [], []
        for places, spare, known in self._parts(range(len(self._rows) // self._groups)):
            rows.append(self._in_all_groups(places))
            found, left = self._pass(self._rows[rows[-1]], spare, slice(spare + self._shared, None), known)
            logits.append(found)
            kept.append(left)
        where = torch.tensor([row for part in rows for row in part], device=self._ids.device)
        return torch.cat(logits)[where.argsort()], joined(kept, rows, self._ids.shape[1])

    def _parts(self, places: Sequence[int]) -> Iterator[tuple[list[int], int, Any]]:
        """Places of a group whose prompts are read together, the shortest first: they, the columns at the left that
        hold nothing but padding in them, and what all begin with as these rows have it."""
        order = sorted(places, key=lambda place: -self._padding[place])
        parts = max(len(places) // _PART, 1) if self._mask is not None else 1
        for begin, end in pairwise(len(places) * part // parts for part in range(parts + 1)):
            some = order[begin:end]
            spare = min(self._padding[place] for place in some)
            padding = [self._padding[place] - spare for place in some]
            yield some, spare, spread(self._beginning, padding) if self.shares else None

    def _in_all_groups(self, places: Sequence[int]) -> list[int]:
        """The rows of these places of every group."""
        batch = len(self._rows) // self._groups
        return [group * batch + place for group in range(self._groups) for place in places]

    def _pass(self, rows: Tensor, spare: int, columns: slice, known: Any) -> tuple[Tensor, Any]:
        """One pass of some rows: logits of their last token in these columns, and what is kept.

        Args:
            spare: columns at the left that hold nothing but padding in these rows.
            columns: those that are read.
            known: what is kept of the columns between.
        """
        ids = self._ids[rows, columns]
        # without padding the model counts positions by its own rule
        padded: dict[str, Tensor] = {}
        if self._mask is not None:
            mask = self._mask[rows, spare : columns.stop]
            padded = {"attention_mask": mask, "position_ids": self._positions[rows, columns]}
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

    @property
    def parts(self) -> bool:
        """Whether rows can leave and come in: what the model keeps is a row's own, or nothing."""
        return not self._keep or keeps_keys_alone(self._known)

    def stay(self, places: Sequence[int]) -> bool:
        """Let only these places of every group go on; False, and all stay, where what a model keeps cannot be
        parted."""
        if not self.parts:
            return False
        rows = self._in_all_groups(places)
        self._ids, self._positions = self._ids[rows], self._positions[rows]
        self._mask = None if self._mask is None else self._mask[rows]
        self._padding = [self._padding[row] for row in rows]
        if self._keep:
            stay(self._known, rows)
        self._rows = self._rows[: len(rows)]
        return True

    def trim(self, living: Sequence[int]) -> None:
        """Let the columns go that are padding in all of these places, if they are any."""
        if living:
            self._fit(self._ids.shape[1] - min(self._padding[place] for place in living))

    @torch.no_grad()
    def enter(self, places: Sequence[int], prompts: Sequence[tuple[int, ...]], living: Sequence[int] = ()) -> None:
        """Prompts take places whose rows have ended, in every group: all but their last token is read, and that comes
        with the last token of the others at the next pass. Only where the batch parts, and after :meth:`add`.

        Args:
            places: of a group, one for each prompt.
            living: places whose rows go on. Columns that neither these nor the prompts need are let go.
        """
        longest = max(self._ids.shape[1] - min((self._padding[n] for n in living), default=self._ids.shape[1]), 2)
        columns = max(longest, *map(len, prompts))
        self._fit(columns)
        if self._mask is None:
            self._mask = torch.ones_like(self._ids)
        batch = len(self._rows) // self._groups
        for place, prompt in zip(places, prompts, strict=True):
            empty = columns - len(prompt)
            row = torch.tensor([0] * empty + list(prompt), device=self._ids.device)
            for group in range(self._groups):
                number = group * batch + place
                self._padding[number] = empty
                self._ids[number] = row
                self._mask[number] = (torch.arange(columns, device=row.device) >= empty).to(self._mask)
                self._positions[number] = (torch.arange(columns, device=row.device) - empty).clamp_(min=0)
        if self._keep:
            for some, spare, known in self._parts(places):
                rows, unread = self._in_all_groups(some), slice(spare + self._shared, columns - 1)
                if unread.start < unread.stop:
                    _, known = self._pass(self._rows[rows], spare, unread, known)
                put(self._known, rows, known)

    def _fit(self, columns: int) -> None:
        """Let the batch have so many columns, the last of them unread: some at the left go, or empty ones come."""
        more = columns - self._ids.shape[1]
        if more == 0:
            return
        if more > 0 and self._mask is None:
            self._mask = torch.ones_like(self._ids)
        self._ids, self._positions = _fitted(self._ids, more), _fitted(self._positions, more)
        self._mask = None if self._mask is None else _fitted(self._mask, more)
        self._padding = [max(empty + more, 0) for empty in self._padding]
        if self._keep:
            fit(self._known, columns - 1)
            self._read = columns - 1


def _fitted(there: Tensor, more: int) -> Tensor:
    """With so many columns of zeros more at the left, or so many less."""
    return nn.functional.pad(there, (more, 0))


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
    slots: int | None = None,
    enter: bool = True,
    reached: Callable[[Sequence[int]], bool] | None = None,
) -> list[Written]:
    """The most likely token after each prompt, again and again, until an end token, the limit, or enough is written.

    Nothing random, no penalties, no clock: a function of the weights, the batch and its slots. A row whose logits are
    no numbers stops there. Rows that have ended leave, once an eighth of the batch has; two stay at least, for a single
    row is another product, with other last digits. ``keep``, ``share``, ``groups``: see :class:`Batch`.

    With fewer slots than prompts, the first prompts begin, and the others wait in their order: once an eighth of the
    slots are free, those that come next take them. Nobody leaves for good before nobody waits.

    Args:
        slots: prompts that are in memory at the same time; None: all of them.
        enter: prompts may come in while others are written; without, and where what a model keeps cannot be parted,
            they wait until all that are there have ended.
        reached: asked with the tokens of a row after each of them: are they enough?

    Returns:
        One for each group and prompt, group by group.
    """
    slots = len(prompts) if slots is None else max(min(slots, len(prompts)), 1)
    answers = _Answers(len(prompts), groups, max_tokens, end_tokens, reached)
    waiting = list(range(len(prompts)))
    while waiting:
        there, waiting = waiting[:slots], waiting[slots:]
        later = [prompts[number] for number in waiting] if enter else []
        asked = [prompts[number] for number in there] * groups
        batch = Batch(module, asked, keep, share=share, groups=groups, room=max_tokens, waiting=later)
        waiting = _write(batch, answers, prompts, there, waiting, slots if enter else 0)
    return answers.written()


def _write(
    batch: Batch,
    answers: _Answers,
    prompts: Sequence[tuple[int, ...]],
    there: list[int],
    waiting: list[int],
    slots: int,
) -> list[int]:
    """Write what is there to its end, and those that come in meanwhile.

    Args:
        there: numbers of the prompts in the batch, by place.
        waiting: those that may come in, in their order.
        slots: how many there may be; 0: nobody comes in.

    Returns:
        Who still waits.
    """
    parted, queued = len(there) > _FEWEST, slots > 0 and len(waiting) > 0
    living = answers.living(there)
    while living:
        best = answers.take(there, batch.logits())
        living = answers.living(there)
        queued = queued and batch.parts
        if not living and not (queued and waiting):
            break
        batch.add(best)
        if queued and waiting:
            free = sorted({*range(len(there))} - {*living})
            if len(free) >= max(slots // _SHARE, 1):
                come, waiting = waiting[: len(free)], waiting[len(free) :]
                taken = free[: len(come)]
                batch.enter(taken, [prompts[number] for number in come], living)
                for place, number in zip(taken, come, strict=True):
                    there[place] = number
                living = sorted([*living, *taken])
        if queued:
            batch.trim(living)
        left = len(there) - max(len(living), _FEWEST)
        if parted and not (queued and waiting) and left > 0 and left >= len(there) // _SHARE:
            spare = max(_FEWEST - len(living), 0)
            ended = sorted({*range(len(there))} - {*living})
            stays = sorted([*living, *ended[:spare]])
            parted = batch.stay(stays)
            there = [there[n] for n in stays] if parted else there
    return waiting


class _Answers:
    """What every row has written so far, group by group, and which rows are done."""

    def __init__(
        self,
        count: int,
        groups: int,
        max_tokens: int,
        end_tokens: frozenset[int],
        reached: Callable[[Sequence[int]], bool] | None,
    ) -> None:
        self._count, self._groups, self._most = count, groups, max_tokens
        self._end_tokens, self._reached = end_tokens, reached
        self._ids: list[list[int]] = [[] for _ in range(count * groups)]
        self._ended, self._finite = [False] * (count * groups), [True] * (count * groups)

    def take(self, there: Sequence[int], logits: Tensor) -> Tensor:
        """The likeliest token of each row, shape (batch,), written down where the row is not done.

        Args:
            there: numbers of the prompts whose rows these are, in every group.
        """
        low, high = torch.aminmax(logits, dim=1)
        numbers = (torch.isfinite(low) & torch.isfinite(high)).tolist()
        best = logits.argmax(dim=1)
        rows = [group * self._count + number for group in range(self._groups) for number in there]
        for row, token, number in zip(rows, best.tolist(), numbers, strict=True):
            if self._done(row):
                continue
            if not number:
                self._finite[row] = False
            elif token in self._end_tokens:
                self._ended[row] = True
            else:
                self._ids[row].append(token)
                self._ended[row] = self._reached is not None and self._reached(self._ids[row])
        return best

    def living(self, there: Sequence[int]) -> list[int]:
        """Places among these whose prompt is not done in every group."""
        rows = range(self._groups)
        return [
            place
            for place, number in enumerate(there)
            if not all(self._done(group * self._count + number) for group in rows)
        ]

    def written(self) -> list[Written]:
        """All of it."""
        return [Written(tuple(i), e, f) for i, e, f in zip(self._ids, self._ended, self._finite, strict=True)]

    def _done(self, row: int) -> bool:
        return self._ended[row] or not self._finite[row] or len(self._ids[row]) >= self._most
