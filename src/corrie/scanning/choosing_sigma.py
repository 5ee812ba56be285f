"""σ for a certificate, chosen on draws and examples that certify nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.models.reading import Reader
from corrie.records.certificate_spec import own_seeds
from corrie.records.subspace import SubspaceNoise
from corrie.scanning.later_examples import first_later
from corrie.subspaces.space import Space, dimension, draw_noise

DRAWS, EXAMPLES, KEPT = 8, 20, 0.95
"""Draws at each σ, examples of each task, and the share of the score above chance that shall remain."""

_STEPS = 24
"""σ is halved or doubled no more often than that."""


@dataclass(frozen=True, slots=True)
class ChosenSigma:
    """What was chosen, and on what.

    sigma   σ
    tried   every σ, with the smallest share of its score above chance that a task kept, in the order of trying
    """

    sigma: float
    tried: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        return (
            f"σ = {self.sigma:g}: of {len(self.tried)} tried, the largest at which {DRAWS} selection draws keep "
            f"{KEPT:.0%} of each task's score above chance on {EXAMPLES} other examples"
        )


def choose_sigma(
    model: Model, space: Space, tasks: Sequence[tuple[Task, int]], *, rows: int = 8, block: int = 10
) -> ChosenSigma:
    """The largest σ of a grid of powers of 2 whose noise hardly costs any score.

    Judged on the examples that *follow* those to be certified in each task's fixed order, on draws of its own seeds, so
    nothing that certifies is looked at.

    Args:
        tasks: what will be certified, each with its number of examples.

    Raises:
        InputError: a task without further examples, or no σ that keeps the score.
    """
    for task, limit in tasks:
        if first_later(limit, block) + block > task.identity.size:
            raise InputError(
                f"σ for {task.identity.name}:{limit}",
                found=f"of its {task.identity.size} examples none are left to choose σ on",
                advice=f"--sigma with a number, or {task.identity.name}:{max(1, task.identity.size - EXAMPLES)}",
            )
    model.reader()  # chooses the engine while nothing hangs on the model
    together = rows if space.most_rows is None else 1
    first = own_seeds([space.spec.id, "sigma"], "selecting")
    with space.lent(together) as places:

        def score(sigma: float) -> list[list[float]]:
            found: list[list[float]] = [[] for _ in tasks]
            for start in range(0, DRAWS if sigma else 1, together):
                seeds = range(first + start, first + min(start + together, DRAWS if sigma else 1))
                noises = [SubspaceNoise(subspace=space.spec.id, seed=s) for s in seeds]
                places.put([draw_noise(space.shapes, noise, sigma) for noise in noises])
                readers = model.row_readers(together)[: len(noises)]
                for row, (task, limit) in zip(found, tasks, strict=True):
                    row += [_mean(task, reader, first_later(limit, block), block) for reader in readers]
            return found

        unmoved = [row[0] for row in score(0.0)]

        def kept(sigma: float) -> float:
            shares = [
                (sum(row) / len(row) - task.identity.chance) / max(before - task.identity.chance, 1e-9)
                for row, before, (task, _) in zip(score(sigma), unmoved, tasks, strict=True)
            ]
            return min(shares)

        sigma = 2.0 ** round(0.5 - 0.25 * (dimension(space).bit_length() - 1))
        tried = [(sigma, kept(sigma))]
        up = tried[0][1] >= KEPT
        for _ in range(_STEPS):
            sigma = sigma * 2 if up else sigma / 2
            tried.append((sigma, kept(sigma)))
            if (tried[-1][1] >= KEPT) != up:
                break
    good = [s for s, share in tried if share >= KEPT]
    if not good:
        raise InputError(f"σ in {space.spec}", found=f"none down to {sigma:g} keeps the score", advice="--sigma")
    return ChosenSigma(max(good), tuple(tried))


def _mean(task: Task, reader: Reader, start: int, block: int) -> float:
    stop = min(start + EXAMPLES, task.identity.size)
    found = [
        outcome.success or 0.0
        for begin in range(start, stop, block)
        for outcome in task.score(reader, begin, min(begin + block, stop))
    ]
    return sum(found) / len(found)
