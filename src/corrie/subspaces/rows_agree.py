"""Rows of a batch may stand at places of their own only where each then scores what its place scores alone."""

from __future__ import annotations

import math

from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.records.subspace import SubspaceNoise
from corrie.subspaces.space import Space, draw_noise

_QUESTIONS = (Question("one two three four", (" five", " six six")), Question("one two three", (" two",)))


def rows_agree(model: Model, space: Space, sigma: float) -> bool:
    """Does each row of a batch score what its place scores alone?

    Asked of the model itself, on a dozen tokens and two places at noise σ: a layer that sees its tokens out of the
    rows' order (a router's experts), or a block that needs more of the batch than its first row, would show here.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.subspaces.row_space import random_rows
    >>> model = toy_model()
    >>> rows_agree(model, random_rows(model.module, "all", rank=1), 0.3)
    True
    """
    places = [draw_noise(space.shapes, SubspaceNoise(subspace=space.spec.id, seed=s), sigma) for s in range(2)]
    model.reader()  # chooses the engine while nothing hangs on the model
    tolerance = 1e-3 if next(model.module.parameters()).dtype.itemsize >= 4 else 0.3

    def scores(together: int) -> list[float]:
        found: list[float] = []
        with space.lent(together) as lent:
            for start in range(0, len(places), together):
                lent.put(places[start : start + together])
                for reader in model.row_readers(together):
                    found += [r.log_likelihood for q in reader.read(_QUESTIONS) for r in q]
        return found

    try:
        pairs = zip(scores(2), scores(1), strict=True)
    except (TypeError, ValueError, RuntimeError, IndexError):
        return False
    return all(
        math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(a) and math.isnan(b)) for a, b in pairs
    )
