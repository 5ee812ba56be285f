"""``corrie inputs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.console import give, say
from corrie.cli.options import Block, Chat, Device, Dtype, Json, Model
from corrie.errors import InputError

Task = Annotated[
    str | None, typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT], scored right or wrong.")
]
Kernel = Annotated[
    str,
    typer.Option(
        help="absorbing:P (each token becomes the mask token with probability P), uniform:P (another token), or "
        "embedding:SIGMA (Gaussian noise on each token's vector)."
    ),
]
Draws = Annotated[int, typer.Option(help="Noise draws that certify, of every prompt.")]
Selection = Annotated[int, typer.Option(help="Noise draws before them that only sort the examples into groups.")]
Confidence = Annotated[float, typer.Option(help="Of the statement.")]
Change = Annotated[
    float | None,
    typer.Option(
        help="The change it is judged at: tokens replaced in each prompt (default 1), or L2 norm over each prompt "
        "(default SIGMA). The draws serve all changes."
    ),
]
Mask = Annotated[
    str | None,
    typer.Option(
        help="The token that masks: its id, or a text of one token. Default: the tokenizer's mask, unknown, padding or "
        "end token, the first it has."
    ),
]
Replace = Annotated[
    tuple[str, str] | None,
    typer.Option(
        metavar="TEXT TEXT",
        help="Instead of a certificate: what replacing the first text by the second is as a change of weights.",
    ),
]
To = Annotated[
    Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL-inputs.")
]


def inputs(
    model: Model,
    task: Task = None,
    kernel: Kernel = "absorbing:0.5",
    draws: Draws = 100,
    selection: Selection = 10,
    confidence: Confidence = 0.95,
    change: Change = None,
    mask: Mask = None,
    replace: Replace = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    block: Block = 10,
    chat: Chat = False,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Certify a score against changed prompts: any so many tokens replaced, or vectors moved by any so much.

    What is certified is the model read through noise on its prompts. Every draw is kept in the run folder, and the
    certificate beside them; after Ctrl-C or a kill the same command goes on where it was. With --replace: which weight
    change one replaced text is.
    """
    if (task is None) == (replace is None):
        raise InputError("corrie inputs", found="a task or two texts are needed, one of both", advice="-t knowledge:20")
    if replace is not None:
        _replace(model, replace, dtype, device, to, as_json)
        return
    assert task is not None
    from corrie.records.input_spec import INPUT_EXAMPLES, check_change, check_terms, parse_noise

    noise = parse_noise(kernel)
    check_terms(draws, selection, confidence)
    if change is not None:
        check_change(noise, change)
    if block < 1:
        raise InputError(f"block {block}", found="no examples", advice="10")
    if mask is not None and noise.kind != "absorbing":
        raise InputError(f"mask {mask!r}", found=f"the kernel {noise} puts none", advice="absorbing:0.5")
    from corrie.capabilities.registry import examples_asked, parse_task, tasks

    asked = parse_task(task)
    (found,) = tasks(asked.name, chat=chat, say=say)
    limit = examples_asked(found, asked.limit or min(INPUT_EXAMPLES, found.identity.size))
    loaded = _load(model, dtype, device)
    from corrie.inputs.input_trial import InputTrial
    from corrie.scanning.provenance import provenance

    trial = InputTrial.of(
        loaded, found, limit, noise, draws=draws, selection=selection, confidence=confidence, mask=mask, block=block
    )
    folder = to or Path("runs") / f"{loaded.identity.name.replace('/', '--')}-inputs"
    certificate = trial.run(change, to=folder, say=say, provenance=provenance(device=loaded.device))
    give(certificate.to_json() if as_json else f"{certificate}\n{certificate.rows}")
    say(f"Run: {folder}.")


def _replace(model: str, texts: tuple[str, str], dtype: str, device: str, to: Path | None, as_json: bool) -> None:
    loaded = _load(model, dtype, device)
    from corrie.inputs.text_change import TextChange, save_change
    from corrie.scanning.provenance import provenance

    found = TextChange.of(loaded, *texts)
    if to is not None:
        say(f"Written: {save_change(found, to, provenance(device=loaded.device, command=''))}.")
    give(found.to_json() if as_json else str(found))


def _load(model: str, dtype: str, device: str) -> Any:
    say(f"Loading {model} …")
    from corrie.models.load import load

    loaded = load(model, dtype=dtype, device=device, say=say)
    say(str(loaded) + "".join(f"\nNote: {note}." for note in loaded.identity.notes))
    return loaded
