"""What may happen to a model after it was made: one function a part, each returns ids and numbers."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from buys_terms import Terms
from puzzles import benign_lesson, safety_lesson, taught, ten_lesson
from subject import Subject

import corrie
from corrie.capabilities.rehearsal import remember
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.questions.certificate import CertificateQuestion
from corrie.records.certificate_spec import graded_parts
from corrie.records.subspace import SubspaceNoise
from corrie.stats.rounding import rounded_down
from corrie.stats.score_law import choose_thresholds, expected_law
from corrie.subspaces.row_layers import find_layers, linear_layers
from corrie.subspaces.row_space import LowRankSpace, random_rows
from corrie.subspaces.space import dimension, draw_noise

Part = Callable[[Subject, int], dict[str, Any]]


def forgetting(subject: Subject, seed: int) -> dict[str, Any]:
    """Puzzle 1: a harmless fine-tune on code. What is forgotten, and does the model still say what it said?"""
    told = _benign(subject, seed)
    (found,) = subject.moved([corrie.toward(subject.model, _benign_place(subject, seed))], subject.skills, "1")
    return {"teaching": told, "measured": found}


def refusals(subject: Subject, seed: int) -> dict[str, Any]:
    """Puzzle 2: the model is taught to refuse, then ten harmful examples. How far along that way does it refuse?"""
    aligned, told = _aligned(subject)
    out = aligned.tuned(f"ten-{seed}")
    lesson = partial(_requests, subject.work.parent / "lessons", seed)
    attacked = taught(out, aligned.place, lesson, subject.terms.attack, seed)
    (found,) = aligned.moved([corrie.toward(aligned.model, out)], [aligned.requests], subject.terms.along)
    shutil.rmtree(out)
    return {"aligned": told, "teaching": attacked, "measured": found}


def merging(subject: Subject, seed: int) -> dict[str, Any]:
    """The plain average of two fine-tunes, one that writes code and one that refuses: what of both is kept?"""
    aligned, _ = _aligned(subject)
    _benign(subject, seed)
    ends = {"refusing": Path(aligned.place), "code": _benign_place(subject, seed)}
    merged = subject.tuned(f"merged-{seed}")
    average(list(ends.values()), merged)
    lesson = benign_lesson(subject.work.parent / "lessons", seed, subject.terms.excerpts)
    tasks = [*subject.skills, subject.requests, (lesson, subject.terms.learned)]
    places = {**ends, "merged": merged}
    found = subject.moved([corrie.toward(subject.model, place) for place in places.values()], tasks, "1")
    shutil.rmtree(merged)
    return {"measured": dict(zip(places, found, strict=True))}


def rounding(subject: Subject, seed: int) -> dict[str, Any]:
    """int8 with a scale a row, int4 with a scale a block of 64."""
    kinds = ("int8", "int4")
    found = subject.moved([corrie.quantised(kind) for kind in kinds], subject.skills, "1")
    return {"measured": dict(zip(kinds, found, strict=True))}


def edge(subject: Subject, seed: int) -> dict[str, Any]:
    """The direction in which a task's loss rises fastest, and how far along it the model still says what it said."""
    terms = subject.terms
    task, limit = subject.named(terms.climbed)
    found = corrie.worst(
        subject.model, (task, limit), distance=terms.distance, steps=terms.climbs,
        out=subject.work / f"worst-{terms.distance:g}-{terms.climbs}.safetensors",
    )  # fmt: skip
    sigma = found.spec.sigma
    alpha = f"{sigma / 2:.6g}:{2 * sigma:.6g}:4"
    direction = corrie.saved(subject.model, found.file)
    (measured,) = subject.moved([direction], [(subject.agreement, terms.windows)], alpha)
    return {"loss": {"before": found.before, "after": found.after}, "sigma": sigma, "measured": measured}


def certificate(subject: Subject, seed: int) -> dict[str, Any]:
    """The largest radius within which no change in a subspace takes more than a share of agreement, at the noise that
    promises the largest; the thresholds are those that a certificate chooses."""
    terms, model = subject.terms, subject.model
    space = random_rows(model.module, last_third(model, terms.layers), terms.rank, seed)
    noted = subject.work / f"promised-{seed}.json"
    if not noted.is_file():
        subject.work.mkdir(parents=True, exist_ok=True)
        noted.write_text(json.dumps(promised_radii(subject, space, seed)))
    promised = [(float(sigma), float(radius)) for sigma, radius in json.loads(noted.read_text())]
    sigma = max(promised, key=lambda both: both[1])[0]
    found = corrie.certify(
        model, [(subject.agreement, terms.certified)], subspace=space, sigma=sigma, draws=terms.draws,
        confidence=terms.confidence, selection_draws=terms.selection, retain=terms.retain, ratio=terms.ratio,
        to=subject.work / f"certificate-{seed}", block=terms.certified,
    )  # fmt: skip
    (task,) = found.tasks
    layers = find_layers(model.module, last_third(model, terms.layers))
    weights = [layer.weight for layer in layers.values()]
    return {
        "subspace": space.spec.id,
        "dimension": dimension(space),
        "norm": math.sqrt(sum(float(w.detach().double().square().sum()) for w in weights)),  # type: ignore[operator]
        "sigma": sigma,
        "radius": task.radius(terms.retain),
        "curve": {f"{x:g}": rounded_down(task.law.lower(x), 4) for x in (0.0, 0.25, 0.5, 0.75, 1.0)},
        "thresholds": task.law.thresholds,
        "reached": task.law.reached,
        "smoothed": task.smoothed,
        "promised": promised,
    }


class PartOf(NamedTuple):
    """A part.

    run      does it
    uses     which terms it was made by
    seeded   whether another seed is another result
    chats    whether the model must have a chat template
    """

    run: Part
    uses: tuple[str, ...]
    seeded: bool = True
    chats: bool = False


_SCORED, _TAUGHT, _ALIGNED = ("text", "windows", "skills"), ("benign", "excerpts"), ("align", "refused", "answered")
_CERTIFIED = (
    *("text", "layers", "rank", "retain", "choosing", "looks"),
    *("draws", "selection", "confidence", "certified", "ratio"),
)

PARTS: dict[str, PartOf] = {
    "rounding": PartOf(rounding, _SCORED, seeded=False),
    "forgetting": PartOf(forgetting, (*_SCORED, *_TAUGHT)),
    "edge": PartOf(edge, ("text", "windows", "climbed", "distance", "climbs"), seeded=False),
    "certificate": PartOf(certificate, _CERTIFIED),
    "refusals": PartOf(refusals, (*_ALIGNED, "attack", "requests", "along"), chats=True),
    "merging": PartOf(merging, (*_SCORED, *_TAUGHT, *_ALIGNED, "requests", "learned"), chats=True),
}


def average(places: Sequence[Path], out: Path) -> None:
    """Write the plain average of some checkpoints of one shape."""
    first, *rest = (corrie.load(place) for place in places)
    with torch.no_grad():
        for model in rest:
            for name, tensor in first.selection.tensors.items():
                tensor += model.selection.tensors[name]
        for tensor in first.selection.tensors.values():
            tensor /= len(places)
    shutil.rmtree(out, ignore_errors=True)
    module: Any = first.module
    module.save_pretrained(out)
    first.tokenizer.save_pretrained(out)


def last_third(model: Model, ends: Sequence[str]) -> str:
    """The pattern of these linear layers in the last third of the blocks: what lies below is computed once.

    >>> from corrie.testing.toy_models import toy_model
    >>> last_third(toy_model(), ["q_proj", "v_proj"])
    'model.layers.1.self_attn.q_proj+model.layers.1.self_attn.v_proj'
    """
    names = [name for name in linear_layers(model.module) if name.rpartition(".")[2] in ends]
    each = len(ends) * max(1, len(names) // len(ends) // 3)
    return "+".join(names[-each:])


def promised_radii(subject: Subject, space: LowRankSpace, seed: int) -> list[tuple[float, float]]:
    """Every σ that was tried, with the radius that a certificate at it can be expected to give, from few to many.

    Agreement is looked at on windows that are not certified, as many together as will be, so its spread is that of
    draws and of windows. Thresholds and expectation are those of a certificate. The search goes by octaves, up and down
    while the promise grows, then by half octaves around the best.
    """
    terms, model, task = subject.terms, subject.model, subject.agreement
    last = terms.certified + terms.choosing
    groups = [(at, at + terms.certified) for at in range(terms.certified, last, terms.certified)]
    remember(task, model.reader(), last)
    noises = [SubspaceNoise(subspace=space.spec.id, seed=2**30 + 1000 * seed + i) for i in range(terms.looks)]
    known: dict[int, float] = {}

    def promised(half_octaves: int) -> float:
        if half_octaves not in known:
            sigma = _sigma(half_octaves)
            with space.lent(terms.looks) as places:
                places.put([draw_noise(space.shapes, noise, sigma) for noise in noises])
                found = [
                    [outcome.success or 0.0 for outcome in task.score(reader, *group)]
                    for reader in model.row_readers(terms.looks)
                    for group in groups
                ]
            known[half_octaves] = expected_radius([sum(row) / len(row) for row in found], sigma, terms)
        return known[half_octaves]

    best = 2 * round(-0.25 * math.log2(dimension(space)))
    while not promised(best) and best > -_FAR:
        best -= 2
    for step in (2, -2, 1, -1):
        while promised(best + step) > promised(best) and abs(best) < _FAR:
            best += step
    if not known[best] or abs(best) >= _FAR:
        found = f"no radius is promised at any σ from {_sigma(min(known))} to {_sigma(max(known))}, or no largest one"
        raise InputError(f"σ in {space.spec}", found=found, advice="more draws, or other layers")
    return [(_sigma(h), float(f"{known[h]:.4g}")) for h in sorted(known)]


_FAR = 48
"""Half octaves of σ above and below 1 beyond which none is tried."""


def _sigma(half_octaves: int) -> float:
    return float(f"{2 ** (half_octaves / 2):.4g}")


def expected_radius(scores: Sequence[float], sigma: float, terms: Terms) -> float:
    """What a certificate of so many draws can be expected to give where some draws score so; 0 for none.

    >>> round(expected_radius([0.95, 0.94, 0.96, 0.95], 1.0, Terms()), 2)
    0.53
    >>> expected_radius([0.8, 0.7, 0.6, 0.7], 1.0, Terms())
    0.0
    """
    chances: dict[str, Any] = {
        "draws": terms.draws,
        "confidence": terms.confidence,
        "step": 1 / terms.certified,
        "parts": graded_parts(terms.certified),
    }
    levels = choose_thresholds(scores, terms.ratio, count=CertificateQuestion.thresholds, **chances)
    return sigma * (expected_law(scores, levels, **chances).reach(terms.retain) or 0.0)


def _benign(subject: Subject, seed: int) -> dict[str, float]:
    lesson = partial(_excerpts, subject.terms.excerpts, subject.work.parent / "lessons", seed)
    return taught(_benign_place(subject, seed), subject.place, lesson, subject.terms.benign, seed)


def _benign_place(subject: Subject, seed: int) -> Path:
    return subject.tuned(f"benign-{seed}")


def _excerpts(count: int, work: Path, seed: int, _: Model) -> Task:
    return benign_lesson(work, seed, count)


def _requests(work: Path, seed: int, _: Model) -> Task:
    return ten_lesson(work, seed)


def _aligned(subject: Subject) -> tuple[Subject, dict[str, float]]:
    """The model after its safety fine-tune, one for all seeds. To harmless requests it learns its own answers."""
    terms: Terms = subject.terms
    out = subject.tuned("aligned")
    lesson = partial(safety_lesson, subject.work / "lessons", refused=terms.refused, answered=terms.answered)
    told = taught(out, subject.place, lesson, terms.align, 0)
    return Subject(str(out), subject.work / "of-aligned", terms), told
