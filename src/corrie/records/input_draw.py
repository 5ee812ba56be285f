"""One draw of noise on a task's prompts, as a place where a model is looked at: the weights stay where they are."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from corrie.records.labelled import LabelledDirection

INPUT_LAW = "inputs-1"
"""Version of the rules by which a draw's noise follows from its spec."""

InputPart = Literal["clean", "selection", "draw"]
"""What a draw is for: prompts as they are, sorting the examples into groups, certifying."""


class InputDraw(LabelledDirection):
    """A noise draw on prompts. It moves no weight: the model's reader noises what it reads, and α = 1 is this draw.

    The noise is a function of the spec, the draw and the example's number, so the id names them and nothing else.

    spec       id of the spec (:class:`corrie.records.input_spec.InputSpec`) that fixes the noise
    part       what the draw is for; ``clean`` reads the prompts as they are
    number     which of them, from 0
    noise      kind of the noise, for people; the spec fixes it
    level      its level, likewise
    examples   how many of the task's examples have a prompt in the spec

    >>> draw = InputDraw(spec="3f2a", part="draw", number=7, noise="uniform", level=0.5, examples=20)
    >>> draw.id, draw.draw, draw.label
    ('inputs:3f2a/draw:7@inputs-1', 'draw 7', 'uniform:0.5 draw 7')
    """

    kind: Literal["inputs"] = "inputs"
    spec: str
    part: InputPart
    number: int = Field(default=0, ge=0)
    noise: str
    level: float
    examples: int = Field(gt=0)
    law: Literal["inputs-1"] = INPUT_LAW

    @property
    def normalisation(self) -> Literal["path"]:
        """α = 1 is the draw."""
        return "path"

    @property
    def id(self) -> str:
        """Spec, part and number, with the version of the law."""
        return f"inputs:{self.spec}/{self.part}:{self.number}@{self.law}"

    @property
    def draw(self) -> str:
        """Its name among the draws of its spec; the noise is made from it: ``clean``, ``selection 0``, ``draw 3``."""
        return self.part if self.part == "clean" else f"{self.part} {self.number}"

    @property
    def label(self) -> str:
        """What a table calls it."""
        return f"{self.noise}:{self.level:g} {self.draw}"

    @property
    def axis(self) -> str:
        """What an axis calls it."""
        return self.label

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it stands when draws are put in order: by spec, part and number."""
        return self.spec, get_args(InputPart).index(self.part), self.number

    def __str__(self) -> str:
        return self.id
