"""What a scan of written answers costs: points, tokens, and hours on this machine and on others.

Reading n tokens takes 2·P·n operations of a model with P parameters; writing takes one pass over all weights for every
token of a batch that is written together. Of other machines only their data sheets are known here, so their hours are
what a good engine reaches of these (:data:`READS`, :data:`WRITES`), and not measured. Answers that end early cost less.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from corrie.capabilities.task import Task
from corrie.capabilities.token_count import TokenCount, count_tokens, prompts_of
from corrie.capabilities.written_together import writes
from corrie.models.model import Model
from corrie.scanning.scan import Scan
from corrie.scanning.work import Known

READS = 0.4
"""Share of a device's arithmetic that reading reaches."""

WRITES = 0.6
"""Share of a device's memory bandwidth that writing reaches."""

_STEPS = 8
"""Tokens that are written to time one."""

_ROWS = 25
"""As in :mod:`corrie.scanning.batch`: a step costs so many rows more."""


class Device(NamedTuple):
    """A device by its data sheet: dense bfloat16 operations and bytes of memory traffic, each a second."""

    name: str
    operations: float
    traffic: float


DEVICES = (
    Device("L4", 121e12, 300e9),
    Device("RTX 4090", 165e12, 1008e9),
    Device("A100 80 GB", 312e12, 2039e9),
    Device("H100 SXM", 989e12, 3350e9),
    Device("H200", 989e12, 4800e9),
)
"""What people rent."""


class TaskCost(NamedTuple):
    """One task at one point: its examples, their tokens, and how often a batch of them takes a step."""

    task: str
    examples: int
    tokens: TokenCount
    steps: int


@dataclass(frozen=True)
class Cost:
    """What a scan takes where every answer is as long as it may be.

    points   places in weight space, the unmoved model included
    tasks    what is asked at each
    hours    by device, this machine first
    """

    points: int
    tasks: tuple[TaskCost, ...]
    hours: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        read = sum(t.tokens.prompts for t in self.tasks)
        written = sum(t.tokens.answers for t in self.tasks)
        lines = [
            f"{self.points} points, at each {sum(t.examples for t in self.tasks)} examples: "
            f"{read:,} tokens to read and at most {written:,} to write; in all {self.points * read:,} and "
            f"{self.points * written:,}",
            *(
                f"  {t.task}: {t.examples} examples, {t.tokens.prompts:,} to read, {t.tokens.answers:,} to write"
                for t in self.tasks
            ),
            "Hours, at most: " + ", ".join(f"{name} {hours:.2g}" for name, hours in self.hours),
            "(this machine: from a few tokens, timed; others: by data sheet, bfloat16, not measured)",
        ]
        return "\n".join(lines)


def cost_of(scan: Scan, known: Known | None = None) -> Cost:
    """What is missing of a scan, nothing written: every example is put into tokens, and a few are written and timed.

    Two tasks on the same prompts, as GSM8K's two rules, are written once and counted twice.
    """
    blocks = sum(len(scan.spec.blocks(r)) for r in scan.spec.tasks)
    agenda = scan.plan()(scan.spec, known or Known())
    points = round(max(agenda.expected - len(known or ()), 0) / blocks)
    together = scan.identity.rule.at_once
    tasks = []
    for request in scan.spec.tasks:
        task = scan.tasks[request.task]
        tokens = count_tokens(task, scan.model.encoder, request.limit)
        steps = -(-request.limit // together) * tokens.longest
        tasks.append(TaskCost(task.identity.name, request.limit, tokens, steps))
    one_read, one_step = _timed(scan.model, [task for task in scan.tasks.values() if writes(task)], together)
    here = sum(t.tokens.prompts for t in tasks) * one_read + sum(t.steps for t in tasks) * one_step
    hours = [("this machine", points * here / 3600)]
    parameters = scan.model.identity.parameters
    for device in DEVICES:
        reading = 2 * parameters * sum(t.tokens.prompts for t in tasks) / (READS * device.operations)
        writing = 2 * parameters * sum(t.steps for t in tasks) / (WRITES * device.traffic)
        hours.append((device.name, points * (reading + writing) / 3600))
    return Cost(points, tuple(tasks), tuple(hours))


def _timed(model: Model, tasks: list[Task], together: int) -> tuple[float, float]:
    """Seconds to read a token, and to write one in each row of a batch; from a few examples of the shortest task."""
    if not tasks:
        return 0.0, 0.0
    counts = {count_tokens(task, model.encoder, min(4, task.identity.size)): task for task in tasks}
    fewest = min(counts, key=lambda count: count.prompts)
    rows = min(4, counts[fewest].identity.size)
    prompts = prompts_of(counts[fewest], model.encoder, rows)
    reader = model.reader()
    started = time.perf_counter()
    reader.write(prompts.texts, 1, templated=prompts.templated)
    read = time.perf_counter() - started
    started = time.perf_counter()
    reader.write(prompts.texts, 1 + _STEPS, templated=prompts.templated)
    step = max(time.perf_counter() - started - read, 0.0) / _STEPS
    return read / fewest.prompts, step * (together + _ROWS) / (rows + _ROWS)
