"""How fast is a likelihood point? The default suite's choice and likelihood tasks, against one row per option.

    python benchmarks/scoring.py [--examples 20] [--repeats 3]

The slow way is what most evaluation code does: every option is a row of its own, context included, padded to the
longest of its batch, with logits at every position. Both ways see the same questions in float32, and must agree.
"""

from __future__ import annotations

import argparse
import json

import torch
from ratio import medians

import corrie
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.models.reading import Question, Reading

TASKS = ("language", "knowledge", "math", "code", "reasoning")
ROWS = 8


class Listening:
    """A reader that writes down what a task asks, and answers through the real one."""

    def __init__(self, model: Model) -> None:
        self.reader = model.reader()
        self.asked: list[tuple[list[Question], str]] = []

    def read(self, questions: list[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        self.asked.append((list(questions), shared))
        return self.reader.read(questions, shared)

    @property
    def has_chat_template(self) -> bool:
        return True


def row_per_option(model: Model, questions: list[Question], logits_in: torch.dtype = torch.float32) -> list[float]:
    """Log-likelihoods, one padded row for each option, all logits.

    ``torch.log_softmax`` in float32 errs by more over a large vocabulary than the whole float32 model before it, so
    what is compared, and not timed, is normalised in float64.
    """
    tokenizer, module = model.tokenizer, model.module
    rows = []
    for question in questions:
        for continuation in question.continuations:
            context = tokenizer(question.context).input_ids
            rows.append((len(context), tokenizer(question.context + continuation).input_ids))
    found = [0.0] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][1]))
    with torch.no_grad():
        for start in range(0, len(order), ROWS):
            part = order[start : start + ROWS]
            longest = max(len(rows[i][1]) for i in part)
            ids = torch.zeros((len(part), longest), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, i in enumerate(part):
                ids[row, : len(rows[i][1])] = torch.tensor(rows[i][1])
                mask[row, : len(rows[i][1])] = 1
            logp = torch.log_softmax(module(input_ids=ids, attention_mask=mask).logits.to(logits_in), dim=-1)
            for row, i in enumerate(part):
                context, whole = rows[i]
                found[i] = sum(float(logp[row, t - 1, whole[t]]) for t in range(context, len(whole)))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=20)
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    half = corrie.load("smollm2-135m-instruct", dtype="bfloat16")
    assert model.packed
    assert half.packed
    tasks: tuple[Task, ...] = corrie.tasks(*TASKS)
    result: dict[str, object] = {}
    totals: dict[str, float] = {}
    for task in tasks:
        listening = Listening(model)
        for start in range(0, options.examples, 10):
            task.score(listening, start, start + 10)
        asked = [q for questions, _ in listening.asked for q in questions]

        def fast(on: Model, listening: Listening = listening) -> list[float]:
            reader = on.reader()
            return [
                r.log_likelihood
                for questions, shared in listening.asked
                for readings in reader.read(questions, shared)
                for r in readings
            ]

        sizes: list[int] = []
        hook = model.module.register_forward_pre_hook(
            lambda m, a, k, sizes=sizes: sizes.append(k["input_ids"].numel()), with_kwargs=True
        )
        ours, theirs = fast(model), row_per_option(model, asked, torch.float64)
        hook.remove()
        worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        times = medians(
            {
                "rows": lambda asked=asked: row_per_option(model, asked),
                "packed": lambda fast=fast: fast(model),
                "packed_bfloat16": lambda fast=fast: fast(half),
            },
            options.repeats,
        )
        for name, seconds in times.items():
            totals[name] = totals.get(name, 0.0) + seconds
        result[task.identity.name] = {
            "times_faster": round(times["rows"] / times["packed"], 2),
            "bfloat16_over_float32": round(times["packed"] / times["packed_bfloat16"], 2),
            "largest_difference_nats": worst,
        }
        print(task.identity.name, result[task.identity.name], flush=True)
    result["suite"] = {
        "times_faster": round(totals["rows"] / totals["packed"], 2),
        "bfloat16_over_float32": round(totals["packed"] / totals["packed_bfloat16"], 2),
        "times_faster_bfloat16": round(totals["rows"] / totals["packed_bfloat16"], 2),
        "examples": options.examples,
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
