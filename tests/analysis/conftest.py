"""Certificates made of numbers alone: no model, no run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from corrie.analysis.evidence import Evidence, TaskEvidence
from corrie.records.certificate_spec import CertificateSpec, Levels, SelectingDraws
from corrie.records.scan_spec import TaskRequest
from corrie.records.subspace import RowSpace
from corrie.records.task import TaskIdentity
from corrie.testing.check_store import IDENTITY, TASK


def rows_of(scores: Sequence[float], examples: int) -> tuple[str, ...]:
    """Rows with so many ones."""
    return tuple("1" * round(s * examples) + "0" * (examples - round(s * examples)) for s in scores)


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    """Evidence of scores that are given, or drawn in a basin: nearly always 4 of 5 examples or all."""

    def make(
        *,
        draws: int = 40,
        examples: int = 5,
        names: Sequence[str] = ("sums",),
        chance: float = 0.0,
        scores: Sequence[float] | None = None,
        seed: int = 0,
        **changes: Any,
    ) -> Evidence:
        dice = np.random.default_rng(seed)
        chosen = SelectingDraws(first=2**53, count=6, ratio=1.0, most=2)
        confidence = changes.get("confidence", 0.95)
        tasks, levels = [], []
        for name in names:
            identity = TaskIdentity.model_validate(TASK.model_dump() | {"name": name, "chance": chance})
            drawn = dice.choice([0.8, 1.0], size=draws + chosen.count, p=[0.3, 0.7]).tolist()
            certify = drawn[:draws] if scores is None else list(scores)
            select = drawn[draws:]
            tasks.append(
                TaskEvidence(
                    task=identity,
                    examples=tuple(f"{name}-{i}" for i in range(examples)),
                    unmoved="1" * examples,
                    selection=rows_of(select, examples),
                    draws=rows_of(certify, examples),
                )
            )
            chosen_levels = chosen.choose(select, examples, draws, confidence, len(names))
            levels.append(Levels(task=identity.id, levels=chosen_levels))
        terms: dict[str, Any] = {
            "tasks": tuple(TaskRequest(task=t.task.id, limit=examples) for t in tasks),
            "subspace": RowSpace(free="up", content="a" * 64, rank=1, layers=2, name="adapter:q_proj:1"),
            "sigma": 0.5,
            "lattice": -17,
            "draws": draws,
            "confidence": confidence,
            "selection": chosen,
            "levels": tuple(levels),
            "first": 2**52,
            "rows": 8,
        }
        spec = CertificateSpec(**(terms | changes))
        return Evidence(spec=spec, model=IDENTITY.model, dimension=64, tasks=tuple(tasks))

    return make
