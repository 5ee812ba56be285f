"""What needs a GPU, in one command: larger rungs of the ladder, and GO's overhead at GPT-2's size.

    python examples/go_study/gpu.py

Says *not measured* and stops (exit code 0) where torch finds no CUDA device.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from corrie.optim import GO

RESULT = Path(__file__).parent / "results" / "gpu.json"
TOKENS = (8, 1024)
"""Sequences and tokens of one step."""

ROUNDS = 50


def overhead() -> dict[str, float | int | str]:
    """Seconds of a bfloat16-autocast step of GPT-2 (124 M), fused AdamW, with and without GO, in turns."""
    model = GPT2LMHeadModel(GPT2Config()).cuda()  # type: ignore[arg-type]
    base = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    go = GO(base, sigma=1e-3)
    ids = torch.randint(0, model.config.vocab_size, TOKENS, device="cuda")

    def passes() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()

    def plain() -> None:
        passes()
        base.step()
        base.zero_grad()

    def noisy() -> None:
        with go.perturbed():
            passes()
        go.step()
        go.zero_grad()

    times: dict[str, list[float]] = {"adamw": [], "go": []}
    for turn in range(ROUNDS + 5):
        for name, step in (("adamw", plain), ("go", noisy)):
            torch.cuda.synchronize()
            begin = time.perf_counter()
            step()
            torch.cuda.synchronize()
            if turn >= 5:
                times[name].append(time.perf_counter() - begin)
    adamw, with_go = (statistics.median(times[name]) for name in ("adamw", "go"))
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_a_step": TOKENS[0] * TOKENS[1],
        "adamw_seconds": adamw,
        "go_seconds": with_go,
        "ratio": with_go / adamw,
    }


def main() -> None:
    if not torch.cuda.is_available():
        print("GO's overhead at GPT-2 124 M over fused AdamW: not measured (no CUDA device)")
        print("Rungs 30M and 124M of the ladder: not measured (no CUDA device)")
        return
    found = overhead()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(f"GO over fused AdamW at GPT-2 124 M, {found['tokens_a_step']} tokens a step: {found['ratio']:.3f}")
    from corpus import corpora
    from plan import GPU_PLAN
    from study import result_file, run

    work = Path("runs/go_study")
    here = corpora(work)
    for cell in GPU_PLAN:
        if not result_file(cell).is_file():
            run(cell, here, work, device="cuda")


if __name__ == "__main__":
    main()
