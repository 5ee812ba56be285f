"""Presets: tasks that belong together, with how many examples of each, and the step sizes that go with them.

``paper`` is what Chen et al. draw their landscapes of (arXiv 2505.17646): answers that are written, greedily, behind
the usual worked examples, through the chat template where a model has one. Theirs are MMLU (10 of each subject), GSM8K
and HumanEval (100) and AdvBench (50); MBPP, MATH, HarmBench, IFEval and over-refusal stand beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from corrie.errors import InputError, UnknownName
from corrie.sources.packages import Say, silent

if TYPE_CHECKING:
    from corrie.capabilities.task import Task


class Grid(NamedTuple):
    """Step sizes for a family of models.

    begins    what the name of the architecture begins with; empty: any
    largest   parameters of the largest model that it is for; None: any
    alpha     ``LO:HI:N``
    """

    begins: str
    largest: int | None
    alpha: str


class Preset(NamedTuple):
    """Tasks with limits, the random directions they are scored along, and step sizes by family.

    grids   the first that fits is a model's own
    """

    tasks: tuple[tuple[str, int], ...]
    directions: str
    grids: tuple[Grid, ...]

    def alpha(self, architecture: str, parameters: int) -> str:
        """The step sizes for a model.

        >>> PRESETS["paper"].alpha("Qwen2ForCausalLM", 7_600_000_000), PRESETS["paper"].alpha("LlamaForCausalLM", 10**9)
        ('-0.01:0.01:41', '-0.005:0.005:41')
        """
        return next(
            grid.alpha
            for grid in self.grids
            if architecture.startswith(grid.begins) and (grid.largest is None or parameters <= grid.largest)
        )


PRESETS: dict[str, Preset] = {
    "paper": Preset(
        tasks=(
            ("mmlu_generate", 570),
            ("gsm8k_strict", 100),
            ("gsm8k_flexible", 100),
            ("minerva_math_generate", 100),
            ("humaneval_run", 100),
            ("mbpp_run", 100),
            ("safety", 50),
            ("harmbench", 50),
            ("ifeval", 100),
            ("over_refusal", 100),
        ),
        directions="gaussian:0",
        grids=(
            Grid("Qwen2", 1_000_000_000, "-0.005:0.005:11"),
            Grid("Qwen2", None, "-0.01:0.01:41"),
            Grid("", None, "-0.005:0.005:41"),
        ),
    ),
}
"""Every preset by name."""

OF_PRESET = "preset"
"""The word for the step sizes that a preset has for a model's family."""


def find_preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        UnknownName: there is none.

    >>> find_preset("papers")
    Traceback (most recent call last):
    corrie.errors.UnknownName: no preset named 'papers'. Known: paper. Did you mean 'paper'?
    """
    if name not in PRESETS:
        raise UnknownName("preset", name, list(PRESETS))
    return PRESETS[name]


def preset_asked(name: str | None, tasks: Sequence[str], examples: int | None, alpha: str) -> Preset | None:
    """The preset that goes with these words; None where none is asked for.

    Raises:
        UnknownName: no such preset.
        InputError: tasks beside it, no examples, or what only a preset has without one.
    """
    if name is None:
        if alpha == OF_PRESET or examples is not None:
            asked = "--alpha preset" if alpha == OF_PRESET else f"--examples {examples}"
            advice = "--preset paper" if alpha == OF_PRESET else "--limit, or -t TASK:LIMIT, or --preset paper"
            raise InputError(asked, found="no preset", advice=advice)
        return None
    found = find_preset(name)
    if tasks:
        raise InputError(f"--preset {name} with -t {tasks[0]}", found="it has its own tasks", advice="one of the two")
    if examples is not None and examples < 1:
        raise InputError(f"examples {examples}", found="none to score", advice="4")
    return found


def preset_tasks(
    name: str,
    *,
    chat_template: bool,
    examples: int | None = None,
    run_code_unsandboxed: bool = False,
    say: Say = silent,
) -> list[tuple[Task, int]]:
    """A preset's tasks for a model, each with its number of examples.

    Args:
        name: of the preset.
        chat_template: whether the model has one. With it every task is asked through it; without, those that are asked
            in no other way are left out, and it is said.
        examples: of each task, instead of the preset's own numbers; the first n of n + m are the same.
        run_code_unsandboxed: as for :func:`corrie.tasks`.
        say: is notified when something is fetched, or left out.

    Raises:
        UnknownName: no such preset.
        InputError: more examples than a task has, or none.
        FetchError, StorageError: the data cannot be had.
    """
    from corrie.capabilities.listed import catalogue
    from corrie.capabilities.registry import examples_asked, tasks

    limits = dict(find_preset(name).tasks)
    if not chat_template:
        in_chat = {row.name for row in catalogue() if row.chat}
        if left := [task for task in limits if task in in_chat]:
            say(f"Left out, for want of a chat template: {', '.join(left)}.")
        limits = {task: limit for task, limit in limits.items() if task not in in_chat}
    found = tasks(*limits, chat=chat_template, run_code_unsandboxed=run_code_unsandboxed, say=say)
    return [(t, examples_asked(t, examples or limits[t.identity.name])) for t in found]
