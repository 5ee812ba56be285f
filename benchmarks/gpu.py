"""What only a CUDA device can show, in one table: its tests, what a point costs there, and what fits.

    python benchmarks/gpu.py [--to benchmarks/results/gpu.md] [--minutes 9]

For SmolLM2-135M-Instruct and a 7-billion model of random weights, both in bfloat16: a pass over 512 tokens, drawing a
direction, setting a point along one that is kept and along one that is drawn again, a likelihood point, writing, peak
memory; and whether directions are those of a CPU, bit for bit. Where there is no CUDA device nothing is measured, and
it says so. Every part stands for itself: one that fails, or for which no time is left, is a line of the table that says
why. ``--device cpu --tiny`` goes the same way with a toy, as the test of this file does.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from corrie.models.load import from_module, load, locate
from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.models.vllm.here import vllm_here
from corrie.models.vllm.serving import refuse_unserved
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.testing.toy_models import toy_model
from corrie.weights import device_noise
from corrie.weights.drawn_again import Drawing
from corrie.weights.noise import plain_noise
from corrie.weights.perturbed import moving
from corrie.weights.realise import realise
from corrie.weights.streamed import Streamed

SMALL, LARGE = "SmolLM2-135M-Instruct", "7 B, random weights"
QUESTIONS, WORDS, PREFIX = 40, 24, 300
PROMPTS, TOKENS = 256, 128


@dataclass(frozen=True)
class Line:
    """One line of the table: of which model, what, and how much."""

    model: str
    what: str
    found: str

    def __str__(self) -> str:
        return f"| {self.model} | {self.what} | {self.found} |"


@dataclass
class Table:
    """Lines, and the time in which they have to come."""

    device: torch.device
    seconds: float
    began: float = field(default_factory=time.monotonic)
    lines: list[Line] = field(default_factory=list)

    def add(self, model: str, what: str, measure: Callable[[], str], least: float = 0.0) -> None:
        """One line; or why there is none.

        Args:
            least: seconds that must be left for it.
        """
        left = self.seconds - (time.monotonic() - self.began)
        if left <= least:
            found = f"not measured: {max(left, 0):.0f} s are left, and it takes up to {least:.0f} s"
        else:
            try:
                found = measure()
            except Exception as problem:  # a table with a gap is worth more than none
                words = str(problem).strip().splitlines()[:1] or [""]
                found = f"not measured: {type(problem).__name__}: {words[0][:160]}"
        self.lines.append(Line(model, what, found.replace("|", "/")))
        print(self.lines[-1], flush=True)

    def timed(self, way: Callable[[], object], repeats: int = 5) -> float:
        """Median seconds of something, with the device's own work in them, after one turn that is not measured."""
        taken = []
        for turn in range(repeats + 1):
            self.wait()
            begun = time.perf_counter()
            way()
            self.wait()
            if turn:
                taken.append(time.perf_counter() - begun)
        return statistics.median(taken)

    def wait(self) -> None:
        """Until the device has done what it was asked to."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def forget_peak(self) -> None:
        """What is taken from here on is the peak."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def page(self) -> str:
        """The table as a page."""
        command = f"    python benchmarks/gpu.py{'' if self.device.type == 'cuda' else ' --device cpu'}"
        heads = ["# On a GPU", "", command, "", machine(self.device), "", "| model | what | found |", "|---|---|---|"]
        return "\n".join([*heads, *map(str, self.lines)]) + "\n"


def machine(device: torch.device) -> str:
    """Where and when, in one line."""
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    return f"{what}; {packages}, Python {platform.python_version()}; {datetime.date.today():%d %B %Y}."


def seven_billion(device: torch.device) -> Model:
    """Mistral-7B's sizes with random weights in bfloat16, made where they stay, and SmolLM2's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
    from transformers.initialization import no_init_weights

    tokenizer: Any = AutoTokenizer.from_pretrained(locate("smollm2-135m-instruct")[0], local_files_only=True)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        tie_word_embeddings=False,
        dtype=torch.bfloat16,
    )
    with no_init_weights(), torch.device(device):
        module: Any = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16)
    dice = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "norm" in name:
                parameter.fill_(1.0)
            else:
                parameter.normal_(0.0, 0.02, generator=dice)
    return from_module(module.eval(), tokenizer, name="random-7b")


def toy(device: torch.device) -> Model:
    """A model of the tests, in place of both."""
    model = toy_model()
    return from_module(model.module.to(device), model.tokenizer, name="toy")


def sentences(count: int, words: int, seed: int) -> list[str]:
    """Texts of words without a meaning, a function of the seed."""
    dice = torch.Generator().manual_seed(seed)
    stock = ("time", "year", "people", "way", "day", "thing", "woman", "life", "child", "world", "school", "family")
    places = torch.randint(len(stock), (count, words), generator=dice).tolist()
    return [" ".join(stock[p] for p in row) for row in places]


def measure_model(table: Table, name: str, make: Callable[[torch.device], Model], *, small: bool, least: float) -> None:
    """All lines of one model, which is gone afterwards."""
    made: list[Model] = []

    def begin() -> str:
        table.forget_peak()
        made.append(make(table.device))
        i = made[0].identity
        return f"{i.parameters:,} parameters in {i.dtype}; {made[0].engine}"

    table.add(name, "model", begin, least)
    if not made:
        return
    model = made[0]
    longest = 64 if small else 512
    ids = torch.arange(longest, device=table.device)[None] % 64
    weights = sum(p.numel() * p.element_size() for p in model.module.parameters())

    def forward() -> float:
        with torch.no_grad():
            return table.timed(lambda: model.module(input_ids=ids, use_cache=False))

    table.add(name, f"a pass over {longest} tokens", lambda: milliseconds(forward()))
    table.add(name, "the same numbers as on a CPU", lambda: same_numbers(model))
    table.add(name, "drawing a direction", lambda: drawing(table, model), least / 4)
    for draw in ("keep", "again"):
        words = {"keep": "along a direction that is kept", "again": "along one that is drawn again"}[draw]
        table.add(name, f"setting a point {words}", lambda draw=draw: setting(table, model, draw, weights), least / 4)
    table.add(name, "a likelihood point", lambda: reading(table, model, small), least / 4)
    table.add(name, "writing", lambda: writing(table, model, small), least / 4)


def same_numbers(model: Model) -> str:
    """Parts of the noise of every tensor, looked up on the device and by the Python text."""
    compared = 0
    for name, own in model.selection.tensors.items():
        size = min(own.numel(), 4096)
        start = own.numel() - size
        found = device_noise.device_noise(11, name, size, own.device, start).cpu().numpy()
        if found.tobytes() != plain_noise(11, name, size, start).tobytes():
            return f"NO: {name} differs"
        compared += size
    by = "drawn there" if device_noise._kernels(model.devices[0]) else "drawn on the CPU and sent"
    return f"yes: {compared:,} numbers of {len(model.selection.tensors)} tensors, bit for bit ({by})"


def drawing(table: Table, model: Model) -> str:
    """A whole direction in float32."""
    tensors = {n: p.data for n, p in model.selection.tensors.items()}
    seeds = iter(range(100))
    return milliseconds(table.timed(lambda: realise(Gaussian(seed=next(seeds)), tensors), 3))


def setting(table: Table, model: Model, draw: Drawing, weights: int) -> str:
    """A step along one direction after the other step; and the most memory, in sizes of the model."""
    table.forget_peak()
    steps = iter(range(1, 1000))
    with moving(model.selection, draw=draw) as at:
        found = table.timed(lambda: at.to(Point.along(Gaussian(seed=3), 1e-5 * next(steps))), 3)
    if table.device.type != "cuda":
        return milliseconds(found)
    peak = torch.cuda.max_memory_allocated(table.device)
    return f"{milliseconds(found)}; peak {peak / 1e9:.1f} GB, {peak / weights:.2f} times the model"


def reading(table: Table, model: Model, small: bool) -> str:
    """Questions of four options behind a shared beginning, at one point."""
    count, prefix = (4, 20) if small else (QUESTIONS, PREFIX)
    (shared,) = sentences(1, prefix, 0)
    options = sentences(4 * count, 3, 2)
    asked = [
        Question(f"{shared}\n{text}:", tuple(f" {o}" for o in options[4 * n : 4 * n + 4]))
        for n, text in enumerate(sentences(count, WORDS, 1))
    ]
    found = table.timed(lambda: model.reader().read(asked, shared), 3)
    return f"{milliseconds(found)} for {count} questions of four options"


def writing(table: Table, model: Model, small: bool) -> str:
    """Tokens a second, prompts read and all."""
    count, tokens = (4, 4) if small else (PROMPTS, TOKENS)
    prompts = sentences(count, WORDS, 3)
    table.forget_peak()
    written: list[int] = []

    def write() -> None:
        written.append(sum(w.tokens for w in model.reader().write(prompts, tokens)))

    found = table.timed(write, 1)
    return f"{written[-1] / found:,.0f} tokens a second, {count} answers of up to {tokens} tokens at once"


def writing_by_vllm(table: Table, make: Callable[[torch.device], Model], small: bool = False) -> str:
    """The same prompts by the engine vllm, at a point: its copy of the model, which has to be laid down there first."""
    if find_spec("vllm") is None:
        return "not measured: vLLM is not installed"
    from corrie.models.vllm.copy import copy_of, drop_copy
    from corrie.models.vllm.reader import VllmReader

    table.forget_peak()
    model = make(table.device)
    refuse_unserved(model)
    begun = time.perf_counter()
    copy = copy_of(model)
    made = time.perf_counter() - begun
    own = {name: p.data for name, p in model.selection.tensors.items()}
    steps = iter(range(1, 1000))
    laid = table.timed(lambda: copy.lay(Streamed(Point.along(Gaussian(seed=3), 1e-5 * next(steps)), own)), 3)
    count, tokens = (4, 4) if small else (PROMPTS, TOKENS)
    prompts, reader = sentences(count, WORDS, 3), VllmReader(model, copy, moved=False)
    written: list[int] = []
    found = table.timed(lambda: written.append(sum(w.tokens for w in reader.write(prompts, tokens))), 1)
    copy.home()
    copy.verify()
    drop_copy(model)
    speed = f"{written[-1] / found:,.0f} tokens a second, {count} answers of up to {tokens} tokens at once"
    who = vllm_here().arithmetic(model.device)
    return f"{speed}; a point laid down in {milliseconds(laid)}; made and proven in {made:.0f} s; {who}"


def gpu_tests(seconds: float) -> str:
    """The tests that need the device."""
    place = Path(__file__).resolve().parents[1]
    files = [str(f) for f in sorted((place / "tests").rglob("test_*.py")) if "mark.gpu" in f.read_text("utf-8")]
    command = [sys.executable, "-m", "pytest", *files, "-m", "gpu", "-v", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=seconds, check=False)
    counts = re.findall(r"\d+ (?:passed|failed|skipped|error)\w*", done.stdout)
    return f"{', '.join(counts) or 'no summary'}; exit code {done.returncode}"


def milliseconds(seconds: float) -> str:
    """A time in words."""
    return f"{1000 * seconds:,.2f} ms" if seconds < 0.1 else f"{1000 * seconds:,.0f} ms"


def main(words: Sequence[str] | None = None) -> int:
    """See the module."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).parent / "results" / "gpu.md")
    options.add_argument("--minutes", type=float, default=9.0)
    options.add_argument("--device", default="cuda")
    options.add_argument("--tiny", action="store_true")
    asked = options.parse_args(words)
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"not measured: torch {torch.__version__} sees no CUDA device here; nothing was written")
        return 0
    table = Table(torch.device(asked.device), 60 * asked.minutes)
    if asked.tiny:
        measure_model(table, "toy", toy, small=True, least=0.0)
    else:
        table.add("–", "tests that need a GPU", lambda: gpu_tests(150.0), 30.0)
        small: Callable[[torch.device], Model] = lambda device: load(  # noqa: E731
            "smollm2-135m-instruct", dtype="bfloat16", device=str(device)
        )
        measure_model(table, SMALL, small, small=False, least=20.0)
        measure_model(table, LARGE, seven_billion, small=False, least=90.0)
        table.add(SMALL, "writing by vLLM", lambda: writing_by_vllm(table, small), 60.0)
    asked.to.parent.mkdir(parents=True, exist_ok=True)
    asked.to.write_text(table.page(), "utf-8")
    print(f"Written: {asked.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
