"""A certified fine-tune of SmolLM2, the exchange law, and attacks that try to break the certificate.

    python examples/certified_fine_tune/study.py WORK [main] [frontier] [attacks] [full] [picture]

Stages (all of them where none is named) leave one small JSON each in ``results/`` and are skipped where it is there.
``WORK`` holds run folders, adapters and the tasks of the new skill, outside of the repository; every draw in it is
kept, so that a stage that was stopped goes on.

main      a protected subspace of few numbers; fine-tune inside with the noise on; certificate of what is kept at its
          distance; the new skill before and after, of the point model and of the smoothed model
frontier  the same for every subspace of ``spaces.py`` at several distances, against the exchange law
attacks   three searches inside the radius for what breaks a protected capability, and what they reach
full      a certificate of the full space, asked about the same fine-tune
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from measuring import ROWS, measure
from skill import skill_tasks
from spaces import make_space

import corrie
from corrie.analysis.certificate import Certificate, FineTuned
from corrie.capabilities.choice_error import ChoiceError
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.capabilities.walking import Walk, walk
from corrie.models.model import Model
from corrie.stats import gaussian_shift
from corrie.subspaces.row_space import LowRankSpace
from corrie.subspaces.space import Coords, dimension, fine_lattice, nowhere
from corrie.subspaces.written_adapter import write_place

RESULTS = Path(__file__).parent / "results"
NAME = "smollm2-135m-instruct"
EXAMPLES, LESSONS, SKILL = 40, 24, 20
MAIN, MAIN_SIGMA, MAIN_RATIO, MAIN_DRAWS = "core-1-protected", 1.0, 0.5, 400
MAIN_REACH = 0.7
"""r/σ of the fine-tune; the thresholds were chosen for MAIN_RATIO, and the bound holds at every distance."""

SIGMAS = {
    "core-4-protected": 0.5,
    "adapter-q-protected": 1.0,
    "core-1-random": 1.0,
    "core-1-protected": 1.0,
}
RATIOS, FRONTIER_DRAWS, SKILL_DRAWS = (0.5, 1.0), 100, 48
STEPS = 24


class Study:
    """The model, its tasks, and the folder where draws are kept; loaded when first needed."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.model: Model = corrie.load(NAME)
        self.lesson, self.openings, self.skill, self.held_out = skill_tasks(work / "skill")
        self.knowledge, self.pattern = corrie.tasks("knowledge", "pattern")
        self.keep = [(self.knowledge, EXAMPLES), (self.pattern, EXAMPLES)]
        self._spaces: dict[str, LowRankSpace] = {}

    def space(self, name: str) -> LowRankSpace:
        """A subspace, made once and kept in the work folder."""
        if name not in self._spaces:
            file = self.work / f"{name}.pt"
            if file.exists():
                fixed = torch.load(file, weights_only=True)
                from corrie.subspaces.row_space import FixedMatrices

                made = {n: FixedMatrices(down, up) for n, (down, up) in fixed.items()}
                self._spaces[name] = LowRankSpace.of(self.model.module, made, name)
            else:
                found = make_space(self.model, name, self.keep, (self.lesson, LESSONS))
                torch.save({n: (one.down, one.up) for n, one in found.fixed.items()}, file)
                self._spaces[name] = found
        return self._spaces[name]

    def taught(self, name: str, sigma: float, ratio: float) -> Walk:
        """The fine-tune of this subspace at this distance, with the noise on; made once."""
        file = self.work / f"{name}-{sigma:g}-{ratio:g}.pt"
        if file.exists():
            return Walk(**torch.load(file, weights_only=True))
        loss = ChoiceError(self.model, self.openings, LESSONS, tokens=1024)
        radius = ratio * sigma
        found = walk(self.space(name), loss, radius=radius, steps=STEPS, rate=radius / 5, sigma=sigma,
                     lattice=fine_lattice(sigma))  # fmt: skip
        torch.save(vars(found) | {"coordinates": dict(found.coordinates)}, file)
        return found

    def held_out_loss(self, space: LowRankSpace, at: Coords | None) -> float:
        """Mean loss of whole refusals on requests that were not taught, of the point model at x'."""
        loss = TaskLoss(self.model, self.held_out, SKILL)
        with space.lent(1) as places:
            places.put([at or nowhere(space)])
            return loss.mean()

    def certificate(
        self, name: str, sigma: float, ratio: float, draws: int, tasks: list[Any], distance: float
    ) -> Certificate:
        """Certify these tasks in a subspace; the run is kept."""
        return corrie.certify(
            self.model, tasks, subspace=self.space(name), sigma=sigma, draws=draws, confidence=0.99, distance=distance,
            ratio=ratio, rows=ROWS, to=self.work / f"run-{name}-{draws}",
        )  # fmt: skip

    def skills(self, name: str, sigma: float, at: Coords | None) -> dict[str, Any]:
        """The new skill of the point model and of the smoothed model."""
        return measure(self.model, self.space(name), [(self.skill, SKILL)], self.work / f"skill-{name}", sigma=sigma,
                       lattice=fine_lattice(sigma), draws=SKILL_DRAWS, at=at)["skill"]  # fmt: skip


def main_result(study: Study) -> dict[str, Any]:
    """The certified fine-tune, and the files of its certificate beside this result."""
    space, walked = study.space(MAIN), study.taught(MAIN, MAIN_SIGMA, MAIN_REACH)
    before, after = study.skills(MAIN, MAIN_SIGMA, None), study.skills(MAIN, MAIN_SIGMA, walked.coordinates)
    kept = measure(study.model, space, study.keep, study.work / f"kept-{MAIN}", sigma=MAIN_SIGMA,
                   lattice=fine_lattice(MAIN_SIGMA), draws=SKILL_DRAWS, at=walked.coordinates)  # fmt: skip
    certificate = study.certificate(MAIN, MAIN_SIGMA, MAIN_RATIO, MAIN_DRAWS, study.keep, walked.distance)
    folder = RESULTS / "certificate"
    shutil.rmtree(folder, ignore_errors=True)
    certificate.write(folder)
    adapter = study.work / "adapter"
    if not adapter.exists():
        write_place(space, walked.coordinates, adapter, NAME)
    ratio = walked.distance / MAIN_SIGMA
    return {
        "subspace": MAIN,
        "dimension": dimension(space),
        "sigma": MAIN_SIGMA,
        "distance": walked.distance,
        "ratio": ratio,
        "walk": str(walked),
        "held_out_loss": {
            "before": study.held_out_loss(space, None),
            "after": study.held_out_loss(space, walked.coordinates),
        },
        "new_skill": {
            "before": before,
            "after": after,
            "exchange_law": float(gaussian_shift.upper(before["smoothed"], ratio)),
        },
        "kept_at_the_fine_tune": kept,
        "certified": [
            {
                "task": t.task.name,
                "chance": t.task.chance,
                "unmoved": t.unmoved,
                "smoothed": t.smoothed,
                "certified": t.lower(walked.distance),
                "share_kept": (t.lower(walked.distance) - t.task.chance) / (t.smoothed - t.task.chance),
                "radius_80": t.radius(t.floor(0.8)),
            }
            for t in certificate.tasks
        ],
        "verdict": certificate.verdict,
        "sentence": str(certificate),
    }


def frontier(study: Study) -> dict[str, Any]:
    """Every subspace and distance: gain of the new skill against certified retention of knowledge."""
    rows = []
    for name, sigma in SIGMAS.items():
        partial = study.work / f"frontier-{name}.json"
        if not partial.exists():
            space = study.space(name)
            before = study.skills(name, sigma, None)
            certificate = study.certificate(name, sigma, 0.75, FRONTIER_DRAWS, [(study.knowledge, EXAMPLES)], sigma)
            (knowledge,) = certificate.tasks
            made = []
            for ratio in RATIOS:
                walked = study.taught(name, sigma, ratio)
                after = study.skills(name, sigma, walked.coordinates)
                reached = walked.distance / sigma
                made.append(
                    {
                        "subspace": name,
                        "dimension": dimension(space),
                        "sigma": sigma,
                        "distance": walked.distance,
                        "ratio": reached,
                        "held_out_loss_before": study.held_out_loss(space, None),
                        "held_out_loss_after": study.held_out_loss(space, walked.coordinates),
                        "skill_before": before,
                        "skill_after": after,
                        "law_allows": float(gaussian_shift.upper(before["smoothed"], reached)),
                        "knowledge_smoothed": knowledge.smoothed,
                        "knowledge_certified": knowledge.lower(walked.distance),
                        "knowledge_share": (knowledge.lower(walked.distance) - knowledge.task.chance)
                        / (knowledge.smoothed - knowledge.task.chance),
                        "draws": FRONTIER_DRAWS,
                        "examples": EXAMPLES,
                    }
                )
            partial.write_text(json.dumps(made, indent=1))
        rows += json.loads(partial.read_text())
    return {"capability": "knowledge", "rows": rows}


def attacks(study: Study) -> dict[str, Any]:
    """Three ways up the loss of the certified knowledge examples, all inside the radius of the fine-tune."""
    space, walked = study.space(MAIN), study.taught(MAIN, MAIN_SIGMA, MAIN_REACH)
    certificate = study.certificate(MAIN, MAIN_SIGMA, MAIN_RATIO, MAIN_DRAWS, study.keep, walked.distance)
    knowledge = certificate.tasks[0]
    radius, lattice = walked.distance, fine_lattice(MAIN_SIGMA)
    loss = TaskLoss(study.model, study.knowledge, SKILL)
    ways: dict[str, dict[str, Any]] = {
        "ascent of the point model": {"sigma": 0.0, "start": None},
        "ascent of the smoothed model": {"sigma": MAIN_SIGMA, "start": None},
        "ascent from the fine-tune": {"sigma": 0.0, "start": walked.coordinates},
    }
    rows = []
    for what, terms in ways.items():
        partial = study.work / f"attack-{what.replace(' ', '-')}.json"
        if not partial.exists():
            found = walk(space, loss, radius=radius, steps=16, rate=radius / 3, lattice=lattice, uphill=True, **terms)
            reached = measure(study.model, space, [(study.knowledge, EXAMPLES)], study.work / f"kept-{MAIN}",
                              sigma=MAIN_SIGMA, lattice=lattice, draws=SKILL_DRAWS, at=found.coordinates)  # fmt: skip
            partial.write_text(json.dumps({"attack": what, "distance": found.distance, "walk": str(found),
                                           "reached": reached["knowledge"]}))  # fmt: skip
        rows.append(json.loads(partial.read_text()))
    return {
        "task": "knowledge",
        "radius": radius,
        "certified": knowledge.lower(radius),
        "smoothed_unmoved": knowledge.smoothed,
        "rows": rows,
        "held": all(row["reached"]["smoothed"] >= knowledge.lower(radius) for row in rows),
    }


def full(study: Study) -> dict[str, Any]:
    """The full space at a σ that hardly hurts, asked about the distance of the same fine-tune in it."""
    certificate = corrie.certify(
        study.model, [(study.knowledge, SKILL)], subspace="full", sigma=0.002, draws=60, confidence=0.99,
        tuned=study.work / "adapter", ratio=1.0, to=study.work / "run-full",
    )  # fmt: skip
    folder = RESULTS / "full-certificate"
    shutil.rmtree(folder, ignore_errors=True)
    certificate.write(folder)
    asked = certificate.asked or FineTuned(distance=0.0)
    return {"verdict": certificate.verdict, "distance": asked.distance, "sigma": 0.002,
            "ratio": asked.distance / 0.002, "radius_80": certificate.radius, "sentence": str(certificate)}  # fmt: skip


def picture(study: Study) -> dict[str, Any]:
    """The frontier against the law."""
    from picture import draw

    draw(json.loads((RESULTS / "frontier.json").read_text()), Path(__file__).parent / "frontier.png")
    return {"file": "frontier.png"}


STAGES = {"main": main_result, "frontier": frontier, "attacks": attacks, "full": full, "picture": picture}


def run(work: Path, stages: list[str]) -> None:
    """Do what is missing."""
    RESULTS.mkdir(exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    study: Study | None = None
    for stage in stages:
        file = RESULTS / f"{stage}.json"
        if file.exists() and stage != "picture":
            print(f"{stage}: there already")
            continue
        study = study or Study(work)
        started = time.time()
        found = STAGES[stage](study)
        found["seconds"] = round(time.time() - started)
        if stage != "picture":
            file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{stage}: done in {found['seconds']} s", flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:] or list(STAGES))
