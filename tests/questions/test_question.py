"""A question that exists is valid, and its defaults are those of the verb and of the command."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import click
import pytest
import typer

import corrie
from corrie.cli.main import app
from corrie.errors import InputError
from corrie.questions.certificate import CertificateQuestion
from corrie.questions.diff import DiffQuestion
from corrie.questions.fraction import FractionQuestion
from corrie.questions.generalisation import GeneralisationQuestion
from corrie.questions.inputs import InputQuestion
from corrie.questions.plane import PlaneQuestion
from corrie.questions.protection import ProtectionQuestion
from corrie.questions.retraction import RetractionQuestion
from corrie.questions.scan import ScanQuestion
from corrie.questions.search import SearchQuestion
from corrie.questions.served import DrawQuestion, PullBackQuestion
from corrie.questions.widening import WideningQuestion

KINDS = {
    "fraction": (FractionQuestion, {"sigma": 0.1, "at_least": 0.5, "confidence": 0.9}),
    "certify": (CertificateQuestion, {}),
    "protect": (ProtectionQuestion, {}),
    "generalise": (GeneralisationQuestion, {"subspace": "full", "sigma": 0.1}),
    "inputs": (InputQuestion, {}),
    "plane": (PlaneQuestion, {"alpha": "0:1:2"}),
    "diff": (DiffQuestion, {}),
    "scan": (ScanQuestion, {}),
    "retract": (RetractionQuestion, {}),
    "worst": (SearchQuestion, {"distance": 1.0}),
    "draw": (DrawQuestion, {}),
    "project": (PullBackQuestion, {}),
    "widen": (WideningQuestion, {}),
}

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("fraction", {"sigma": 0.0}, "sigma 0"),
    ("fraction", {"at_least": 1.5}, "1.5"),
    ("fraction", {"design": "often"}, "design"),
    ("fraction", {"draws": 0}, "0 draws"),
    ("fraction", {"seeds": -1}, "seeds from -1"),
    ("fraction", {"block": 0}, "block 0"),
    ("certify", {"subspace": "half"}, "half"),
    ("certify", {"sigma": float("inf")}, "sigma inf"),
    ("certify", {"confidence": 1.0}, "confidence 1"),
    ("certify", {"retain": 0.0}, "retain 0"),
    ("certify", {"distance": -1.0}, "distance -1"),
    ("certify", {"selection_draws": 1}, "1 selection draws"),
    ("certify", {"draws": 2**21}, "there is room for"),
    ("certify", {"ratio": -1.0}, "ratio -1"),
    ("protect", {"thresholds": 0}, "0 thresholds"),
    ("generalise", {"choices": 0}, "0 choices"),
    ("generalise", {"sigma": -1.0}, "sigma -1"),
    ("inputs", {"kernel": "absorbing:2"}, "absorbing:2"),
    ("inputs", {"kernel": "uniform:0.5", "mask": "x"}, "mask 'x'"),
    ("inputs", {"change": 0.5}, "a change of 0.5"),
    ("inputs", {"draws": 0}, "0 draws"),
    ("plane", {"alpha": "1:0:2"}, "the range is reversed"),
    ("plane", {"alpha": "0:1:1000", "beta": "0:1:1000"}, "1,000,000 points"),
    ("plane", {"retention": 0.0}, "retention 0"),
    ("diff", {"alpha": "0:0.9:4"}, "α = 1, is not on this grid"),
    ("diff", {"directions": -1}, "-1 random directions"),
    ("diff", {"quick": True, "worst": "search"}, "which is not followed"),
    ("diff", {"confidence": 0.5}, "between 0.5 and 1"),
    ("scan", {"alpha": "1:0:2"}, "the range is reversed"),
    ("scan", {"alpha": "0:1:2", "precision": 2.0}, "only auto goes on"),
    ("scan", {"precision": 1.0}, "upper over lower limit of an interval is above 1"),
    ("scan", {"retention": 0.0}, "retention 0"),
    ("scan", {"shard": "0/2"}, "chosen by what was scored before"),
    ("retract", {"tolerance": 1.0}, "no share in [0, 1)"),
    ("retract", {"confidence": 0.5}, "between 0.5 and 1"),
    ("worst", {"distance": 0.0}, "not a length"),
    ("worst", {"method": "gradient", "steps": 3}, "the gradient is one step"),
    ("draw", {"count": 0}, "there must be 1 to 10000"),
    ("project", {"radius": -1.0}, "it is no distance"),
    ("widen", {"factor": 0.9}, "made wider, not narrower"),
    ("widen", {"sigma": -0.1}, "no standard deviation"),
    ("widen", {"rate": 0.0}, "no learning rate"),
    ("widen", {"budget": 0.0}, "no length of time"),
    ("widen", {"steps": -1}, "-1 steps"),
    ("widen", {"steps": 0, "balance": False}, "no steps"),
    ("widen", {"steps": 0, "sigma": 0.0}, "no steps"),
    ("widen", {"window": 1}, "1 tokens"),
    ("widen", {"anchor": -1.0}, "no weight of a loss"),
    ("widen", {"lora": 4, "tensors": "*q_proj*"}, "nothing else is trained"),
    ("widen", {"measure": False}, "nothing to choose the noise by"),
    ("widen", {"measure": False, "sigma": 0.1, "most": 80}, "nothing is measured"),
    ("widen", {"budget": 60.0, "steps": 5}, "each says when the run ends"),
    ("widen", {"seed": -1}, "no seed"),
]


@pytest.mark.parametrize(("name", "wrong", "said"), REFUSED)
def test_what_is_not_valid_is_refused_as_the_question_is_made(name: str, wrong: dict[str, Any], said: str) -> None:
    kind, needed = KINDS[name]
    with pytest.raises(InputError) as refused:
        kind(**{**needed, **wrong})
    assert said in str(refused.value)


@pytest.mark.parametrize("name", KINDS)
def test_the_defaults_of_question_verb_and_command_are_one(name: str) -> None:
    kind, needed = KINDS[name]
    made = kind(**needed)
    verb = inspect.signature(getattr(corrie, "certify_inputs" if name == "inputs" else name)).parameters
    group: Any = typer.main.get_command(app)
    command = group.commands[name]
    options = {option.name: option for option in command.params}
    for field in dataclasses.fields(kind):
        if field.name in needed:
            assert verb[field.name].default is inspect.Parameter.empty
            assert options[field.name].required
            continue
        assert verb[field.name].default == getattr(made, field.name), field.name
        assert options[field.name].get_default(click.Context(command)) == getattr(made, field.name), field.name
        assert options[field.name].help == kind.fields()[field.name].term.says


def test_questions_are_frozen_and_know_their_terms() -> None:
    asked = FractionQuestion.of({"sigma": 0.1, "at_least": 0.5, "confidence": 0.9, "model": "is no term"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        asked.sigma = 0.2  # pyright: ignore[reportAttributeAccessIssue]
    assert asked.terms("design", "draws", "seeds", "block", "shard") == {
        "sigma": 0.1, "at_least": 0.5, "confidence": 0.9, "tolerance": 0.05,
    }  # fmt: skip


def test_the_terms_load_no_floor_of_numbers() -> None:
    """The help of every command is made of them."""
    kinds = ("certificate", "diff", "fraction", "generalisation", "inputs", "plane", "scan", "search", "served")
    kinds += ("widening",)
    modules = ", ".join(f"corrie.questions.{m}" for m in kinds)
    code = f"import sys, {modules}; print([m for m in ('torch', 'numpy', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
