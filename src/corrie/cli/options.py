"""Options that several commands share, each declared once: what it is called, its type, and what its help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="An embedded model, a folder, a .gguf file, or a Hugging Face name.")
]
Base = Annotated[
    str, typer.Argument(metavar="BASE", help="An embedded model, a folder, a .gguf file, or a Hugging Face name.")
]
Tuned = Annotated[
    str,
    typer.Argument(
        metavar="TUNED", help="A checkpoint of it, an adapter's folder, or a path such as quantised:int4 or saved:FILE."
    ),
]
Made = Annotated[Path, typer.Option("--out", help="The folder that is made.")]
Dtype = Annotated[
    str, typer.Option(help="float32, bfloat16, float16, or auto: bfloat16 where the machine computes it itself.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
DeviceMap = Annotated[
    str | None,
    typer.Option(
        help="For a model that one device does not hold: auto (evenly over this machine's GPUs), sequential, or a JSON "
        "file of module and device. Default: one device."
    ),
]
Draw = Annotated[
    str,
    typer.Option(
        help="Random directions: keep (in memory), again (the same numbers, drawn anew at every point, one tensor at a "
        "time), or auto: again where there is little room."
    ),
]
Include = Annotated[list[str], typer.Option(help="Shell pattern of tensors that move; may be repeated. Default: all.")]
Exclude = Annotated[list[str], typer.Option(help="Shell pattern of tensors that stay; may be repeated.")]
Block = Annotated[int, typer.Option(help="Examples scored together. Part of a run's identity.")]
Limit = Annotated[int, typer.Option(help="Examples of a task that is named without a limit.")]
Preset = Annotated[
    str | None, typer.Option(help="Tasks that belong together, asked as people do: paper (docs/preset.md).")
]
PresetExamples = Annotated[
    int | None,
    typer.Option("--examples", help="With --preset: examples of each of its tasks. Default: the preset's own numbers."),
]
Chat = Annotated[bool, typer.Option("--chat", help="Ask through the model's chat template.")]
TrustTaskCode = Annotated[
    bool,
    typer.Option("--trust-task-code", help="Run the Python that your own task file names (lm_eval:FILE.yaml)."),
]
RunCodeUnsandboxed = Annotated[
    bool,
    typer.Option(
        "--run-code-unsandboxed",
        help="Run programs that the model writes (humaneval_run, mbpp_run) with your rights, and nothing to hold them.",
    ),
]
Judge = Annotated[
    str,
    typer.Option(
        help="Who says what became of a request (safety, harmbench, over_refusal): phrases; unmoved (phrases, and word "
        "salad by a second copy of the model, which does not move); or another MODEL, which decides."
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        help="Who scores: serial (this process), ray (workers), vllm (it writes), ray:vllm (workers that write by it), "
        "or another that is installed."
    ),
]
Workers = Annotated[int | None, typer.Option(help="Of ray and ray:vllm: how many, each with the model. Default: 2.")]
Address = Annotated[
    str | None, typer.Option(help="Of ray and ray:vllm: a cluster that runs, or auto. Default: this machine alone.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print points, examples and an estimate of the time; write nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
