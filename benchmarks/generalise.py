"""A fine-tune of SmolLM2 inside one subspace, and what its distance says about new examples.

    python benchmarks/generalise.py FOLDER

Two layers' v_proj, rank 1, A frozen by the law (384 coordinates): plain normalised gradient descent in a ball teaches
the first 40 knowledge questions, an ordinary PEFT adapter is saved, and corrie states what the smoothed model scores
on questions like them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

import corrie
from corrie.optim import BallDescent, choose, freeze_down

SUBSPACE = "adapter:layers.28.self_attn.v_proj+layers.29.self_attn.v_proj:1"
SIGMA, RADIUS, EXAMPLES, DRAWS, STEPS, CONFIDENCE = 1.0, 1.0, 40, 64, 4, 0.9


def text_of(example: Any) -> tuple[str, str]:
    """The question itself, without the examples that are shown before it, and the right answer."""
    right = example.options[example.gold]
    return right.context[-160:], right.continuation


def train(model: corrie.models.model.Model, task: Any, folder: Path) -> None:
    """Teach the answers, and save the adapter."""
    start = corrie.smoothed(model, (SUBSPACE, SIGMA)).save(folder / "start", center=True)
    tuned: Any = PeftModel.from_pretrained(model.module, start, is_trainable=True)
    print(f"{freeze_down(tuned)} matrices frozen")
    descent = BallDescent(choose(tuned, "*lora_B*"), lr=RADIUS / STEPS, radius=RADIUS)
    asked = [text_of(example) for example in task.examples[:EXAMPLES]]
    for step in range(STEPS):
        descent.zero_grad()
        total = 0.0
        for question, answer in asked:
            ids = model.tokenizer(question + answer, return_tensors="pt").input_ids
            begun = model.tokenizer(question, return_tensors="pt").input_ids.shape[1]
            labels = ids.clone()
            labels[:, :begun] = -100
            loss = tuned(input_ids=ids, labels=labels).loss / len(asked)
            loss.backward()
            total += float(loss.detach())
        descent.step()
        print(f"step {step}: loss {total:.3f} before it", flush=True)
    tuned.save_pretrained(folder / "tuned")
    tuned.unload()


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    (task,) = corrie.tasks("knowledge")
    if not (folder / "tuned").exists():
        train(model, task, folder)
    started = time.process_time()
    found = corrie.generalise(
        corrie.load("smollm2-135m-instruct"),
        folder / "tuned",
        [(task, EXAMPLES)],
        subspace=SUBSPACE,
        sigma=SIGMA,
        draws=DRAWS,
        confidence=CONFIDENCE,
        to=folder / "run",
    )
    print(found)
    print(f"{time.process_time() - started:.0f} CPU seconds for {DRAWS} draws × {EXAMPLES} examples, one thread")


if __name__ == "__main__":
    main()
