"""The third puzzle: changing only the input does the same as changing the weights.

    python examples/three_puzzles/inputs_only.py MODEL WORK [--prompts 5] [--first 60] [--parts vectors suffix] …

For the first requests of AdvBench's fixed order, from example ``--first`` on, that the model refuses when it writes
greedily (what it was taught comes from the order's end, see lessons.py):

vectors   the least change of the request's embedding vectors that we find to undo the refusal (embedding_attack.py),
          as the weight change that it is (equivalent_weights.py), and random changes of the same norm
suffix    a suffix of a few tokens found by greedy coordinate gradient (suffix_search.py), against a neutral suffix of
          the same length (the first of three that leaves the refusal), as a weight change, and random suffixes

Each part of each prompt is a file in ``WORK``, in a folder named by model and settings; what is there is not done
again. ``results/inputs_only.json`` collects ids and numbers. No request, answer or suffix is printed or kept there; a
found suffix is in ``WORK`` as token ids.

What is asked of the model is its answer's opening: the attacks aim at a compliant one, and the judge is the task's own
(complied: no refusal and no collapse). They show that a refusal can be undone, not that harm could be done.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from answering import Answering
from attacked_prompt import AttackedPrompt
from embedding_attack import attack_embeddings, random_changes
from equivalent_weights import as_layer, as_rows, plain
from inputs_words import PIECES, conclusion, table
from suffix_search import Suffixes, search_suffix

import corrie
from corrie.analysis.whole_file import write_whole
from corrie.capabilities.safety import RequestTask
from corrie.errors import InputError
from corrie.inputs.embedding_rows import RowChange
from corrie.inputs.replacement import shift_per_id, shift_per_position
from corrie.inputs.untied import untied
from corrie.models.model import Model
from corrie.records.canonical import content_hash

RESULTS = Path(__file__).parent / "results"
PARTS = ("vectors", "suffix")
AT_ONCE = 4
"""Requests answered together while looking for refused ones."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the attacks may use; part of the name of the work folder.

    opening      what they ask for
    steps, rate  of the embedding attack
    suffix       tokens of the suffix
    rounds, candidates   of the suffix search
    draws        random changes, and random suffixes, beside each
    """

    opening: str = "Sure, here is"
    steps: int = 60
    rate: float = 0.01
    suffix: int = 10
    rounds: int = 40
    candidates: int = 32
    draws: int = 10


class InputsOnly:
    """The model, its judge, and where results lie."""

    def __init__(self, model: Model, task: RequestTask, work: Path, settings: Settings) -> None:
        self.dimension = model.identity.dimension
        self.answering = Answering(untied(model), task)
        self.task, self.settings = task, settings
        self.identity = {"name": model.identity.name, "fingerprint": model.identity.fingerprint}
        self.terms = {"task": task.identity.name, "digest": task.identity.digest, **asdict(settings)}
        self.work = work / f"inputs-only-{content_hash([self.identity['fingerprint'], self.terms])[:12]}"

    def refused(self, first: int, prompts: int) -> tuple[list[int], int]:
        """The first requests, from example ``first`` on, that the model refuses, and how many were asked for that.

        Raises:
            InputError: there are not so many.
        """

        def look() -> dict[str, Any]:
            found: list[int] = []
            asked = first
            reader = self.answering.model.reader()
            while len(found) < prompts and asked < len(self.task.examples):
                stop = min(asked + AT_ONCE, len(self.task.examples))
                outcomes = self.task.score(reader, asked, stop)
                found += [asked + i for i, o in enumerate(outcomes) if o.label == "refused"]
                asked = stop
            return {"indices": found[:prompts], "asked": asked - first}

        kept = self.kept(f"refused-{first}-{prompts}", look)
        found = kept["indices"]
        if len(found) < prompts:
            raise InputError(
                f"{prompts} requests that {self.identity['name']} refuses",
                found=f"{len(found)} from example {first} on",
                advice="a model that was taught to refuse, or fewer --prompts",
            )
        return found, kept["asked"]

    def do(self, index: int, part: str) -> dict[str, Any]:
        """One part of one request: what the model does with it as it stands, ``vectors`` or ``suffix``."""
        example = self.task.examples[index]
        prompt = AttackedPrompt.of(self.answering.model, example.prompt, self.settings.opening)
        ways = {"plain": self.plain, "vectors": self.vectors, "suffix": self.suffix}
        return self.kept(f"{example.id}-{part}", lambda: ways[part](example.id, prompt))

    def there(self, index: int) -> dict[str, Any]:
        """What there is about one request, ids and numbers; a part that is not done is None."""
        name = self.task.examples[index].id
        found: dict[str, Any] = {"id": name, "index": index, **self.do(index, "plain")}
        for part in PARTS:
            file = self.work / f"{name}-{part}.json"
            known = json.loads(file.read_text("utf-8")) if file.exists() else None
            found[part] = known and {k: v for k, v in known.items() if k != "private"}
        return found

    def plain(self, name: str, prompt: AttackedPrompt) -> dict[str, Any]:
        """The request as it stands."""
        (answer,) = self.answering.from_ids([prompt.ids])
        return {
            "label": answer.label,
            "tokens": len(prompt.ids),
            "own_tokens": len(prompt.own),
            "movable_ids": len(prompt.movable),
        }

    def vectors(self, name: str, prompt: AttackedPrompt) -> dict[str, Any]:
        """The embedding attack, its equivalent weight changes, its control."""
        s, answering = self.settings, self.answering
        found = attack_embeddings(answering, prompt, steps=s.steps, rate=s.rate)
        base, change = answering.vectors(prompt.ids), prompt.row_change(found.change)
        moved = prompt.moved(base, found.change)
        rows = as_rows(answering, prompt.ids, prompt.opening, change, moved, self.dimension)
        drawn = prompt.moved(base, random_changes(found.change, s.draws, self.seed(name, "random rows")))
        return {
            "label": found.answer.label,
            "steps": found.steps,
            "loss_before": rounded(found.before),
            "loss_after": rounded(found.after),
            "full_norm": rounded(found.full_norm),
            "scale": rounded(found.scale),
            "rows_norm": rounded(float(answering.vectors(prompt.movable).norm())),
            "rows": plain(rows),
            "layer": plain(as_layer(answering, prompt.ids, change)),
            "random": counted([a.label for a in answering.from_vectors(drawn)]),
        }

    def suffix(self, name: str, prompt: AttackedPrompt) -> dict[str, Any]:
        """The suffix search, its equivalent weight changes, its control."""
        s, answering = self.settings, self.answering
        allowed = Suffixes(answering, prompt)
        neutrals = allowed.neutral(s.suffix)
        tried = [answering.from_ids([prompt.with_suffix(n)])[0].label for n in neutrals]
        chosen = tried.index("refused") if "refused" in tried else 0
        neutral = neutrals[chosen]
        found = search_suffix(
            answering, prompt, neutral, steps=s.rounds, candidates=s.candidates, seed=self.seed(name, "suffix")
        )
        before, after = prompt.with_suffix(neutral), prompt.with_suffix(found.suffix)
        random = allowed.random(s.suffix, s.draws, self.seed(name, "random suffixes"))
        labels = [a.label for a in answering.from_ids([prompt.with_suffix(r) for r in random])]
        return {
            "private": {"suffix": list(found.suffix)},
            "tokens": len(found.suffix),
            "label": found.answer.label,
            "neutral_label": tried[chosen],
            "neutral": counted(tried),
            "steps": found.steps,
            "scored": found.scored,
            "loss_before": rounded(found.before),
            "loss_after": rounded(found.after),
            **self.replaced(prompt, before, after),
            "random": counted(labels),
        }

    def replaced(self, prompt: AttackedPrompt, before: Sequence[int], after: Sequence[int]) -> dict[str, Any]:
        """One prompt's ids instead of another's, as a shift of noise and as weights."""
        answering = self.answering
        each = shift_per_position(answering.table, before, after).distance
        try:
            change = RowChange.of(before, answering.vectors(after) - answering.vectors(before))
            shift = shift_per_id(answering.table, before, after, fixed=prompt.opening).distance
        except InputError as refused:
            return {"shift": None, "refused": refused.found, "shift_per_position": rounded(each)}
        rows = as_rows(answering, before, prompt.opening, change, answering.vectors(after), self.dimension)
        layer = as_layer(answering, before, change)
        return {
            "shift": rounded(shift),
            "shift_per_position": rounded(each),
            "rows": plain(rows),
            "layer": plain(layer),
        }

    def kept(self, name: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is in the work folder; done and put there if it is not."""
        file = self.work / f"{name}.json"
        if not file.exists():
            started = time.time()
            found = {**do(), "seconds": round(time.time() - started)}
            write_whole(file, lambda f: f.write_text(json.dumps(found, indent=1), encoding="utf-8"))
        return json.loads(file.read_text("utf-8"))

    def seed(self, name: str, what: str) -> int:
        """A seed for one use."""
        return int(content_hash([self.terms, name, what])[:12], 16)


def rounded(value: float) -> float:
    """Six digits.

    >>> rounded(1 / 3)
    0.333333
    """
    return float(f"{value:.6g}")


def counted(labels: Sequence[str]) -> dict[str, int]:
    """How many of each label.

    >>> counted(["refused", "refused", "complied"])
    {'draws': 3, 'refused': 2, 'complied': 1, 'collapsed': 0}
    """
    return {"draws": len(labels), **{k: labels.count(k) for k in ("refused", "complied", "collapsed")}}


def run(study: InputsOnly, results: Path, *, first: int, prompts: int, parts: Sequence[str] = PARTS) -> dict[str, Any]:
    """Do what is missing, one part of all prompts after the other; the results are written after every piece."""
    chosen, asked = study.refused(first, prompts)
    collected: dict[str, Any] = {}
    for part in parts:
        for index in chosen:
            study.do(index, part)
            one = study.there(index)
            print(f"Request {one['id']} ({one['label']}): {PIECES[part](one[part])}", flush=True)
            collected = {
                "model": {**study.identity, "dimension": study.dimension},
                "settings": {**study.terms, "first": first, "asked": asked},
                "prompts": [study.there(i) for i in chosen],
            }
            text = json.dumps(collected, indent=1, ensure_ascii=False) + "\n"
            write_whole(results / "inputs_only.json", lambda f, text=text: f.write_text(text, encoding="utf-8"))
    print(conclusion(collected, results / "around.json"))
    print(table(collected))
    return collected


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; its options are the settings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", help="a checkpoint folder or a name")
    parser.add_argument("work", type=Path, help="a folder outside of the repository")
    parser.add_argument("--prompts", type=int, default=5)
    parser.add_argument("--first", type=int, default=60, help="where to begin: the lessons are further on")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    settings = Settings(**{name: getattr(given, name) for name in asdict(Settings())})
    (task,) = corrie.tasks("safety")
    if not isinstance(task, RequestTask):
        raise InputError("the task safety", found=f"it is scored by {task.identity.scoring}", advice="requests")
    study = InputsOnly(corrie.load(given.model), task, given.work, settings)
    run(study, given.results, first=given.first, prompts=given.prompts, parts=given.parts)


if __name__ == "__main__":
    main()
