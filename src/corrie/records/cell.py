"""A cell: one point × one task × one block of the task's fixed example order, all outcomes kept."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from typing import Literal, NamedTuple

from corrie.errors import RunError
from corrie.records.canonical import Record

Label = Literal["right", "wrong", "refused", "complied", "answered", "collapsed", "unscored"]

_LARGEST = 2**28
"""Bytes that the outcomes of one block may take: a block of ten texts takes some kilobytes."""


class CellKey(NamedTuple):
    """Where a cell stands: ids of point and task, and the block's number (from 0)."""

    point: str
    task: str
    block: int


class Outcome(Record):
    """What became of one example at one point.

    success     1 good, 0 bad; in between only for running text (the share of its tokens); None if unscored
    loss        mean negative log-likelihood of the target, nats per token; None where there is none
    label       right or wrong; for requests refused, complied (harmful) or answered (benign);
                *collapsed* for output that is empty, no text, or endless repetition; unscored
    answer      what the model said: the chosen option, the greedy tokens, the generated text
    """

    id: str
    success: float | None
    loss: float | None = None
    label: Label
    answer: str = ""


class Cell(Record):
    """The outcomes of one block, immutable once acknowledged."""

    point: str
    task: str
    block: int
    outcomes: tuple[Outcome, ...]

    @property
    def key(self) -> CellKey:
        return CellKey(self.point, self.task, self.block)

    @property
    def writable(self) -> bool:
        """Whether every number in it is finite, so that it has a text."""
        return all(number is None or math.isfinite(number) for o in self.outcomes for number in (o.success, o.loss))

    def text(self) -> str:
        """The outcomes as canonical JSON.

        Raises:
            ValueError: a number in them is not finite.
        """
        rows = self.model_dump(mode="json")["outcomes"]
        return json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def payload(self) -> bytes:
        """The outcomes as stored: compressed canonical JSON."""
        return zlib.compress(self.text().encode("utf-8", "surrogatepass"), 6)

    @classmethod
    def from_payload(cls, key: CellKey, payload: bytes, digest: str) -> Cell:
        """The inverse of :meth:`payload`.

        Raises:
            RunError: the payload is not what was written.
        """
        if not isinstance(payload, bytes) or payload_digest(payload) != digest:
            raise RunError(
                f"cell {key.task} block {key.block} at point {key.point}",
                found="its bytes are not those that were written (digest differs)",
                advice="restore the run folder from a backup, or scan into a new one",
            )
        try:
            rows = json.loads(_unpacked(payload).decode("utf-8", "surrogatepass"))
            outcomes = tuple(_checked(Outcome.model_validate(row)) for row in rows)
            return cls(point=key.point, task=key.task, block=key.block, outcomes=outcomes)
        except (ValueError, TypeError, RecursionError, zlib.error) as problem:
            raise RunError(
                f"cell {key.task} block {key.block} at point {key.point}",
                found=f"it holds no outcomes ({str(problem).splitlines()[0]})",
                advice="restore the run folder from a backup, or scan into a new one",
            ) from None


def _checked(outcome: Outcome) -> Outcome:
    """An outcome whose numbers are valid."""
    if outcome.success is not None and not 0 <= outcome.success <= 1:
        raise ValueError(f"example {outcome.id} has the success {outcome.success}")
    if outcome.loss is not None and not math.isfinite(outcome.loss):
        raise ValueError(f"example {outcome.id} has the loss {outcome.loss}")
    return outcome


def _unpacked(payload: bytes) -> bytes:
    """The text of a payload, at most :data:`_LARGEST` bytes: a few bytes can unpack to gigabytes."""
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(payload, _LARGEST)
    if not unpacking.eof:
        raise ValueError(f"more than {_LARGEST} bytes" if unpacking.unconsumed_tail else "its end is missing")
    return text


def payload_digest(payload: bytes) -> str:
    """SHA-256 of the stored bytes."""
    return hashlib.sha256(payload).hexdigest()
