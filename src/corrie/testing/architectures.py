"""Every architecture family of the installed ``transformers``, held against the libraries' own numbers.

    python -m corrie.testing.architectures [--to docs/architectures.md] [FAMILY …]

For a tiny random model of each family (:mod:`corrie.testing.families`): what ``save_pretrained`` wrote is loaded and
gives the same logits; ten questions of unequal length are scored as ``transformers`` scores each alone; the path to a
second checkpoint ends at that checkpoint; an adapter at α = 1 is what PEFT's own model says; four texts written
together are those of one pass over the whole row for each token.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrie.errors import CorrieError
from corrie.models.directions import adapter, toward
from corrie.models.engine import Engine
from corrie.models.load import from_module, load
from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.records.point import Point
from corrie.testing.families import families, tiny_module
from corrie.testing.toy_models import byte_tokenizer
from corrie.weights.perturbed import perturbed

CLOSE = 1e-4
"""Nats, or a share of the largest logit."""

_COLUMNS = ("loads", "scores", "diff", "adapter", "write")


@dataclass(frozen=True, slots=True)
class _Row:
    """What one family's tiny model gave: for each column ``yes``, or what stands against it."""

    family: str
    engine: str
    found: dict[str, str]

    @property
    def holds(self) -> bool:
        """No number is another than the library's (a refusal by name is none)."""
        return not any(found.startswith(("off", "crash")) for found in self.found.values())

    def __str__(self) -> str:
        return f"| {self.family} | {self.engine} | " + " | ".join(self.found.get(c, "–") for c in _COLUMNS) + " |"


def _row_of(family: str) -> _Row:
    """All columns of one family."""
    try:
        module = tiny_module(family)
        logits(module)
    except CorrieError as problem:
        return _Row(family, f"not built: {_brief(problem.found or problem)}", {})
    except Exception as problem:
        return _Row(family, f"not built: {_brief(problem)}", {})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = {"loads": _found(lambda: _loads(module, folder / "one"))}
        model = from_module(tiny_module(family), byte_tokenizer(), name=family)
        found["scores"] = _found(lambda: _scores(model))
        found["diff"] = _found(lambda: _diff(model, tiny_module(family, seed=1), folder / "other"))
        found["adapter"] = _found(lambda: _adapter(model, tiny_module(family), folder / "adapter"))
        found["write"] = _found(lambda: _write(model))
    try:
        engine = _ENGINES[engine_class(model.engine)] + (", batches" if model.engine.together else "")
    except CorrieError:
        engine = "none"
    except Exception as problem:
        engine = f"crash: {_brief(problem)}"
    return _Row(family, engine, found)


def engine_class(engine: Engine) -> str:
    """By which of four ways likelihoods are read."""
    return "tree" if engine.tree else "states" if engine.states else "equal" if engine.equal else "alone"


_ENGINES = {"tree": "tree", "states": "one length, beginning once", "equal": "one length", "alone": "alone"}


@torch.no_grad()
def logits(module: Any, ids: Sequence[int] = tuple(range(7, 127, 2))) -> Tensor:
    """Of one row, in float64."""
    return module(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0].double()


def _gap(ours: Tensor, theirs: Tensor) -> str:
    off = float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1.0))
    return "yes" if off <= CLOSE else f"off by {off:.1e}"


def _loads(module: Any, folder: Path) -> str:
    _keep(module, folder)
    return _gap(logits(load(folder, device="cpu").module), logits(module))


def _scores(model: Model) -> str:
    dice, worst = random.Random(3), 0.0

    def words(length: int) -> str:
        return "".join(dice.choice("abcdefgh ") for _ in range(length))

    shared = words(20) + "\n\n"
    asked = [Question(shared + words(4 + 6 * k) + ":", (" " + words(3), " " + words(9))) for k in range(10)]
    for question, readings in zip(asked, model.reader().read(asked, shared), strict=True):
        for sequence, reading in zip(model.sequences(question), readings, strict=True):
            rows = logits(model.module, sequence.ids).log_softmax(-1)
            wanted = sum(float(rows[i - 1, sequence.ids[i]]) for i in range(sequence.start, len(sequence.ids)))
            worst = max(worst, abs(reading.log_likelihood - wanted))
    return "yes" if worst <= CLOSE else f"off by {worst:.1e}"


def _diff(model: Model, other: Any, folder: Path) -> str:
    _keep(other, folder)
    with perturbed(model, Point.along(toward(model, folder), 1.0)):
        return _gap(logits(model.module), logits(other))


def _adapter(model: Model, base: Any, folder: Path) -> str:
    from peft import LoraConfig, get_peft_model

    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the same adapter whichever families ran before
            live: Any = get_peft_model(base, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
        wanted = logits(live.eval())
    except Exception as problem:
        return f"PEFT has none ({type(problem).__name__})"
    live.save_pretrained(folder)
    with perturbed(model, Point.along(adapter(model, folder), 1.0)):
        return _gap(logits(model.module), wanted)


def _write(model: Model) -> str:
    prompts = ["ab", "abc" * 5, "a question of some length ", "h" * 31]
    together = [w.text for w in model.reader().write(prompts, 8)]
    for prompt, text in zip(prompts, together, strict=True):
        ids = list(model.tokenizer(prompt).input_ids)
        start = len(ids)
        while len(ids) < start + 8:
            token = int(logits(model.module, ids)[-1].argmax())
            if token in model.end_tokens:
                break
            ids.append(token)
        if text != model.tokenizer.decode(ids[start:], skip_special_tokens=True):
            return "off: another text"
    return "yes"


def _keep(module: Any, folder: Path) -> None:
    module.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


def _found(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except CorrieError as refused:
        return f"no: {_brief(refused.found or refused)}"
    except Exception as problem:
        return f"crash: {type(problem).__name__}: {_brief(problem)}"


def _brief(what: object) -> str:
    text = " ".join(str(what).replace("|", "/").split())
    return text if len(text) <= 90 else text[:89] + "…"


@contextmanager
def _quiet() -> Iterator[None]:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def families_page(rows: Sequence[_Row]) -> str:
    """The table as a page of the docs."""
    built = [r for r in rows if r.found]
    counts = ", ".join(f"{c} {sum(r.found[c] == 'yes' for r in built)}" for c in _COLUMNS)
    ways = {way: sum(r.engine.split(", batches")[0] == way for r in built) for way in _ENGINES.values()}
    lines = [
        "# Architectures",
        "",
        "A tiny random model of every family (`model_type`) that the installed `transformers` has a causal language",
        "model of, held against the libraries' own numbers to 1e-4 in float32. Written by",
        "",
        "    python -m corrie.testing.architectures --to docs/architectures.md",
        "",
        f"transformers {version('transformers')}, torch {version('torch').split('+')[0]}, peft {version('peft')}:",
        f"{len(rows)} families, {len(built)} built; {ways['tree']} score by one tree of tokens, "
        f"{ways['one length, beginning once'] + ways['one length']} by",
        f"sequences of one length together ({ways['one length, beginning once']} of them read what these begin with "
        f"once), {ways['alone']} every sequence",
        f"alone; {len(built) - sum(ways.values())} are refused. Yes: {counts}.",
        "",
        "- *engine*: how likelihoods are read (a tree of tokens; sequences of one length together, where the model",
        "  goes on from a kept state what they begin with once; or every sequence alone) and whether texts are",
        "  written in batches of unequal prompts. Windows are eight tokens long here, questions 30 to 90.",
        "- *loads*: what `save_pretrained` wrote gives the same logits. *scores*: ten questions in one block, each as",
        "  in a pass of its own. *diff*: the path to a second checkpoint ends at its logits. *adapter*: LoRA on all",
        "  linear layers at α = 1 gives PEFT's logits. *write*: four prompts' texts are those written alone, without a",
        "  cache.",
        "- *no*: refused, with the reason. *off*, *crash*: a defect.",
        "",
        "| family | engine | " + " | ".join(_COLUMNS) + " |",
        "|---|---|" + "---|" * len(_COLUMNS),
        *map(str, rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY")
    parser.add_argument("--to", type=Path, help="Write the page there.")
    asked = parser.parse_args()
    rows = []
    with _quiet():
        for family in asked.families or families():
            rows.append(_row_of(family))
            print(rows[-1], flush=True)  # noqa: T201
    if asked.to:
        asked.to.write_text(families_page(rows), "utf-8")
    if not all(row.holds for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
