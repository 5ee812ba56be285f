"""What GO costs: a training step with it over the same step without it.

One process, one model, one fused AdamW under both; the steps take turns, and the ratio is that of the median CPU times
(all threads added up). Quote the ratios: absolute times drift on shared machines.

    python benchmarks/go_overhead.py                    # a third of SmolLM2-135M's layers, a sixth of its vocabulary
    python benchmarks/go_overhead.py --full             # SmolLM2-135M's shape, random weights
    python benchmarks/go_overhead.py --device cuda --full --rounds 50
    python benchmarks/go_overhead.py --sources          # nanoseconds a number of several sources of noise

The target: at most 1.02 from 2,048 tokens a step and 1.08 at 256, on the CPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from corrie.optim import GO
from corrie.optim.noise import NOISE_CHUNK, noise_of_block
from corrie.optim.placing import Placement, place

TARGETS = {256: 1.08, 2048: 1.02}


def build(full: bool, device: str) -> LlamaForCausalLM:
    """SmolLM2-135M's shape with random weights, or a slice of it."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49_152 if full else 8_192,
        hidden_size=576,
        intermediate_size=1_536,
        num_hidden_layers=30 if full else 10,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=2_048,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).to(torch.device(device))  # type: ignore[arg-type]


def clock(device: str) -> float:
    """Seconds of CPU time, or of the device's time after all its work is done."""
    if device == "cpu":
        return time.process_time()
    torch.accelerator.synchronize()
    return time.perf_counter()


def interleaved(steps: dict[str, Callable[[], None]], rounds: int, device: str) -> dict[str, list[float]]:
    """Times of each step, one of each a round, after one round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            begin = clock(device)
            step()
            if turn:
                times[name].append(clock(device) - begin)
    return times


def sources() -> None:
    """Nanoseconds of CPU time a number: where GO's noise could come from, made chunk by chunk in the cache."""
    chunk = torch.empty(NOISE_CHUNK)
    generator = torch.Generator().manual_seed(0)
    sfc = np.random.SFC64(0)
    ziggurat = np.random.Generator(np.random.SFC64(0))
    theta, target = torch.zeros(2**22), torch.empty(2**22)
    cpu = torch.device("cpu")

    def everything() -> None:
        place([(placement, 1.0, (0, 0, 0))])
        placement.restore()

    placement = Placement(torch.nn.Parameter(theta), 0)
    candidates: dict[str, tuple[Callable[[], object], int]] = {
        "torch normal_ (Mersenne Twister, Box–Muller)": (lambda: chunk.normal_(generator=generator), NOISE_CHUNK),
        "numpy standard_normal (SFC64, ziggurat)": (
            lambda: ziggurat.standard_normal(NOISE_CHUNK, dtype=np.float32),
            NOISE_CHUNK,
        ),
        "random bits alone, 4 a number (SFC64)": (lambda: sfc.random_raw(NOISE_CHUNK // 16), NOISE_CHUNK),
        "GO's noise": (lambda: [None for _ in noise_of_block((0,), 2**20, 0, 0, 2**20, cpu)], 2**20),
        "adding and writing alone": (lambda: torch.add(theta, theta, alpha=0.5, out=target), 2**22),
        "GO's draw: noise, added and written": (everything, 2**22),
    }
    times = interleaved({name: run for name, (run, _) in candidates.items()}, 30, "cpu")  # type: ignore[arg-type]
    for name, (_, count) in candidates.items():
        print(f"{1e9 * statistics.median(times[name]) / count:6.2f} ns  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What GO costs over fused AdamW, as a ratio.")
    parser.add_argument("--full", action="store_true", help="135 M parameters instead of 40 M")
    parser.add_argument("--tokens", type=int, nargs="+", default=[256, 2048], help="tokens a step")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sigma", type=float, default=1e-4)
    parser.add_argument("--sources", action="store_true", help="compare sources of noise instead")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.sources:
        sources()
        return
    model = build(options.full, options.device)
    parameters = list(model.parameters())
    base = torch.optim.AdamW(parameters, lr=1e-5, fused=True)
    go = GO(base, sigma=options.sigma)
    count = sum(p.numel() for p in parameters)
    print(f"{count:,} parameters, {options.threads} thread(s), torch {torch.__version__}, {options.device}")
    for tokens in options.tokens:
        ids = torch.randint(
            0, model.config.vocab_size, (max(tokens // 256, 1), min(tokens, 256)), device=options.device
        )

        def passes(ids: torch.Tensor = ids) -> None:
            base.zero_grad()
            model(input_ids=ids, labels=ids).loss.backward()

        def plain(passes: Callable[[], None] = passes) -> None:
            passes()
            base.step()

        def with_go(passes: Callable[[], None] = passes) -> None:
            with go.perturbed():
                passes()
            go.step()

        def naive(passes: Callable[[], None] = passes) -> None:
            with torch.no_grad():
                kept = [p.clone() for p in parameters]
                for p in parameters:
                    p.add_(torch.randn_like(p), alpha=options.sigma)
            passes()
            with torch.no_grad():
                for p, value in zip(parameters, kept, strict=True):
                    p.copy_(value)
            base.step()

        def draw_alone() -> None:
            with go.perturbed():
                pass

        steps = {"AdamW": plain, "GO": with_go, "naive GO": naive, "the draw alone": draw_alone}
        times = interleaved(steps, options.rounds, options.device)
        medians = {name: statistics.median(values) for name, values in times.items()}
        step = medians["AdamW"]
        target = TARGETS.get(tokens)
        print(
            f"{tokens:>6} tokens a step: GO/AdamW {medians['GO'] / step:.3f}"
            + (f" (target {target})" if target and options.device == "cpu" else "")
            + f", by the draw alone {1 + medians['the draw alone'] / step:.3f}"
            + f", naive {medians['naive GO'] / step:.3f}"
            + f"; AdamW {step:.2f} s, its own spread {min(times['AdamW']) / step:.2f}–{max(times['AdamW']) / step:.2f}"
        )


if __name__ == "__main__":
    main()
