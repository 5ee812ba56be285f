"""How far a model's basins reach, by a scan of its own; and how far a widened model is from its base at rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from corrie.analysis.landscape import Landscape
from corrie.analysis.widening import AtRest
from corrie.capabilities.agreement import AgreementTask
from corrie.capabilities.likelihood import target_question
from corrie.capabilities.registry import tasks as tasks_named
from corrie.errors import ModelError
from corrie.models.model import Model
from corrie.models.plain import PlainEngine
from corrie.models.reference import token_differences
from corrie.optim.distance import distance, root_mean_square
from corrie.questions.scan import ScanQuestion
from corrie.records.paths import quantised
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.first_answer import FIRST_WINDOWS, Asked, with_first_answer
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Watch
from corrie.sources.packages import Say, silent
from corrie.weights.selection import named_parameters


def measured_tasks(tasks: Sequence[Asked], say: Say = silent) -> tuple[Asked, ...]:
    """The tasks of both scans: agreement first, on the tasks' own texts, or on those of the suite.

    Raises:
        FetchError, StorageError: the suite's texts cannot be had.

    >>> from corrie.testing.toy_tasks import toy_choice
    >>> [(task.identity.name, limit) for task, limit in measured_tasks([(toy_choice(size=40), 20)])]
    [('agreement:toy', 20), ('toy', 20)]
    """
    found = with_first_answer(tasks, ScanQuestion().steps)
    if not any(task.identity.scoring == "agreement" for task, _ in found):
        (first,) = tasks_named("agreement", say=say)
        found = ((first, min(FIRST_WINDOWS, first.identity.size)), *found)
    return tuple(sorted(found, key=lambda asked: asked[0].identity.scoring != "agreement"))


def landscape_of(
    model: Model,
    tasks: Sequence[Asked],
    run: Path,
    *,
    retention: float,
    most: int | None = None,
    engine: str = "serial",
    watch: Watch | None = None,
) -> Landscape:
    """The model's radii, looked for along random directions; kept in a run folder, which the same call continues."""
    question = ScanQuestion(retention=retention, most=most)
    Scan.asked(question, model, tasks, to=run).answer(run, engine=engine, watch=watch)
    return Landscape.open(run, "none")


def rounded_landscape(model: Model, asked: Asked, run: Path, **how: Any) -> Landscape:
    """What rounding the model's weights to int8 and int4 does to one task, in a run folder; before radii are looked for
    there, so that these are what the folder shows.
    """
    directions = (quantised("int8"), quantised("int4"))
    Scan.of(model, [asked], directions=directions, alpha=AlphaGrid.parse("1")).answer(run, **how)
    return Landscape.open(run, "path")


def radius_of_agreement(landscape: Landscape, name: str) -> float:
    """σ up to which the model says what it said.

    Raises:
        ModelError: no such σ was found.
    """
    basin = landscape.basin(name)
    if basin.status != "found" or basin.sigma is None:
        raise ModelError(
            f"the radius of {basin.words.task}",
            found=basin.finding,
            advice="--sigma, such as a tenth of a typical weight, in place of --factor",
        )
    return basin.sigma


@torch.no_grad()
def at_rest(base: Model, widened: Model, task: AgreementTask, examples: int) -> AtRest:
    """How far two models are from each other on the texts of an agreement task.

    >>> from corrie.capabilities.agreement import agreement_on
    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> found = at_rest(toy_model(), toy_model(), agreement_on([toy_choice()]), 2)
    >>> found.divergence, found.agreement
    (0.0, 1.0)
    """
    engines = [PlainEngine(model.module) for model in (base, widened)]
    nats, agreeing, tokens = 0.0, 0, 0
    for example in task.examples[:examples]:
        for sequence in base.sequences(target_question(base.reader(), task.framing, example)):
            one, two = (engine.logits(sequence)[0] for engine in engines)
            found = token_differences(one, two)
            nats += float(found.divergence.sum())
            agreeing += int(found.agrees.sum())
            tokens += len(found.agrees)
    return AtRest(divergence=nats / tokens, agreement=agreeing / tokens, tokens=tokens)


class Moved(NamedTuple):
    """How far weights went: L2 over all of them, and the largest factor by which a tensor's typical weight grew, with
    the tensor's name."""

    distance: float
    factor: float
    tensor: str


def moved(base: nn.Module, widened: nn.Module) -> Moved:
    """Compare two modules of one shape, tensor by tensor.

    >>> one, two = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    >>> _ = two.weight.data.copy_(2 * one.weight)
    >>> moved(one, two).factor, moved(one, two).tensor
    (2.0, 'weight')
    """
    first, second = named_parameters(base), named_parameters(widened)
    sizes = {n: (root_mean_square(first[n]), root_mean_square(second[n])) for n in first}
    factors = {n: two / one for n, (one, two) in sizes.items() if one > 0}
    most = max(factors, key=lambda n: factors[n])
    return Moved(distance(second.values(), first.values()), factors[most], most)
