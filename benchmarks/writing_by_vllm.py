"""How fast does vLLM write, beside the engine in this process? In tokens a CPU-second.

    OMP_NUM_THREADS=1 .venv-vllm/bin/python benchmarks/writing_by_vllm.py [--examples 40] [--tokens 48] [--repeats 3]
        [--to FILE]

In the environment that ``make vllm`` makes. The requests of ``safety`` through SmolLM2-135M-Instruct's chat template,
in float32, all of them in one batch; each way is timed in its turn, in the same process. Said too: what it takes to set
a point, and how many texts differ.
"""

from __future__ import annotations

import argparse
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

from ratio import medians

import corrie
from corrie.capabilities.safety import RequestTask
from corrie.models.reading import Writing
from corrie.models.vllm.copy import copy_of
from corrie.models.vllm.here import vllm_here
from corrie.models.vllm.reader import VllmReader
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.weights.perturbed import moving
from corrie.weights.streamed import Streamed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=40)
    options.add_argument("--tokens", type=int, default=48)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--to", type=Path)
    options = options.parse_args()
    model = corrie.load("smollm2-135m-instruct")
    (task,) = corrie.tasks("safety")
    assert isinstance(task, RequestTask)
    prompts = [task.framing.context(model.reader(), e.prompt) for e in task.examples[: options.examples]]
    copy = copy_of(model)
    found: dict[str, list[Writing]] = {}
    points = iter(Point.along(Gaussian(seed=seed), 1e-3) for seed in range(1_000_000))

    def plain() -> None:
        found["plain"] = model.reader().write(prompts, options.tokens, templated=True)

    def vllm() -> None:
        found["vllm"] = VllmReader(model, copy, moved=False).write(prompts, options.tokens, templated=True)

    writing = medians({"plain": plain, "vllm": vllm}, options.repeats)
    own = {name: parameter.data for name, parameter in model.selection.tensors.items()}
    with moving(model.selection, model.sources) as weights:
        setting = {"plain": medians({"": lambda: weights.to(next(points))}, options.repeats)[""]}
    setting["vllm"] = medians({"": lambda: copy.lay(Streamed(next(points), own))}, options.repeats)[""]
    copy.home()
    copy.verify()
    tokens = {name: sum(w.tokens for w in texts) for name, texts in found.items()}
    result = {
        "engine": vllm_here().arithmetic(model.device),
        "examples": len(prompts),
        "tokens": tokens,
        "tokens_a_cpu_second": {name: round(tokens[name] / seconds, 1) for name, seconds in writing.items()},
        "times_faster": round(writing["plain"] / writing["vllm"] * tokens["vllm"] / tokens["plain"], 2),
        "texts_that_differ": sum(a.text != b.text for a, b in zip(found["plain"], found["vllm"], strict=True)),
        "cpu_seconds_to_set_a_new_point": {name: round(seconds, 2) for name, seconds in setting.items()},
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}",
        "date": datetime.now(UTC).date().isoformat(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.to is not None:
        options.to.write_text(text + "\n", encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
