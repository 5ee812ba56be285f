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
from corrie.records.subspace import SubspaceNoise
from corrie.stats.rounding import rounded_down
from corrie.stats.score_law import ScoreLaw
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
    """The largest radius within which no change in a subspace takes more than a share of agreement, at the largest
    noise that the model bears there; σ is chosen on draws and windows that certify nothing.

    The threshold is fixed beforehand and the same for every model: those that a certificate chooses are multiples of
    what one window is worth, too coarse for the share of its tokens.
    """
    terms, model = subject.terms, subject.model
    space = random_rows(model.module, last_third(model, terms.layers), terms.rank, seed)
    noted = subject.work / f"sigma-{seed}.json"
    if not noted.is_file():
        subject.work.mkdir(parents=True, exist_ok=True)
        noted.write_text(json.dumps(usable_sigma(subject, space, seed)))
    sigma = json.loads(noted.read_text())
    first = 2**41 + 2**20 * seed
    found = corrie.certify(
        model, [(subject.agreement, terms.certified)], subspace=space, sigma=sigma, draws=terms.draws,
        confidence=terms.confidence, selection_draws=terms.selection, retain=terms.retain, ratio=0.4, seeds=first,
        to=subject.work / f"certificate-{seed}",
    )  # fmt: skip
    (task,) = found.tasks
    law = ScoreLaw.of(task.scores, [terms.threshold], terms.confidence)
    reach = law.reach(terms.retain)
    layers = find_layers(model.module, last_third(model, terms.layers))
    weights = [layer.weight for layer in layers.values()]
    return {
        "subspace": space.spec.id,
        "dimension": dimension(space),
        "norm": math.sqrt(sum(float(w.detach().double().square().sum()) for w in weights)),  # type: ignore[operator]
        "sigma": sigma,
        **told(law, reach, sigma),
        "smoothed": task.smoothed,
    }


def told(law: ScoreLaw, reach: float | None, sigma: float) -> dict[str, Any]:
    """The radius, null where nothing is certain, and the bound at some r/σ."""
    return {
        "radius": None if reach is None else rounded_down(reach * sigma, 4),
        "curve": {f"{x:g}": rounded_down(law.lower(x), 4) for x in (0.0, 0.25, 0.5, 1.0)},
        "reached": law.reached[0],
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
_CERTIFIED = ("text", "layers", "rank", "kept", "retain", "threshold", "draws", "selection", "confidence", "certified")

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


def usable_sigma(subject: Subject, space: LowRankSpace, seed: int, draws: int = 3) -> float:
    """σ at which agreement falls to the share that is to be kept, to three digits: between two powers of two on either
    side, then between their geometric mean and one of them, as log σ goes with the score."""
    terms, model, task = subject.terms, subject.model, subject.agreement
    windows = range(terms.certified, 2 * terms.certified)
    remember(task, model.reader(), windows.stop)
    noises = [SubspaceNoise(subspace=space.spec.id, seed=2**30 + 1000 * seed + i) for i in range(draws)]
    known: dict[float, float] = {}

    def agreeing(sigma: float) -> float:
        if sigma in known:
            return known[sigma]
        with space.lent(draws) as places:
            places.put([draw_noise(space.shapes, noise, sigma) for noise in noises])
            readers = model.row_readers(draws)
            found = [o.success or 0.0 for r in readers for o in task.score(r, windows.start, windows.stop)]
        known[sigma] = sum(found) / len(found)
        return known[sigma]

    sigma = 2.0 ** round(-0.25 * math.log2(dimension(space)))
    up = agreeing(sigma) >= terms.kept
    while (agreeing(sigma) >= terms.kept) == up:
        sigma = 2 * sigma if up else sigma / 2
        if not 2.0**-24 < sigma < 2.0**24:
            found = f"agreement stays on one side of {terms.kept:g} up to {sigma:g}"
            raise InputError(f"σ in {space.spec}", found=found, advice="other layers")
    low, high = (sigma / 2, sigma) if up else (sigma, 2 * sigma)
    middle = math.sqrt(low * high)
    low, high = (middle, high) if agreeing(middle) >= terms.kept else (low, middle)
    share = (known[low] - terms.kept) / max(known[low] - known[high], 1e-9)
    return float(f"{low * (high / low) ** min(max(share, 0.0), 1.0):.3g}")


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
