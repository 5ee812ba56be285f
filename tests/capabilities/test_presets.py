from typing import Any

import pytest

from corrie.capabilities import registry
from corrie.capabilities.presets import PRESETS, find_preset, preset_asked, preset_tasks
from corrie.capabilities.suite import SUITE
from corrie.errors import InputError, UnknownName
from corrie.records.scan_spec import AlphaGrid
from corrie.records.task import TaskIdentity


class Named:
    """A task that is no more than its identity."""

    def __init__(self, name: str) -> None:
        what: dict[str, Any] = {"capability": "c", "source": "s", "scoring": "generation", "chance": 0.0, "digest": "d"}
        self.identity = TaskIdentity(name=name, size=600, **what)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """How tasks were asked for; none is fetched."""
    chats: list[bool] = []

    def tasks(*names: str, chat: bool, run_code_unsandboxed: bool, say: Any) -> tuple[Any, ...]:
        assert not run_code_unsandboxed
        chats.append(chat)
        return tuple(map(Named, names))

    monkeypatch.setattr(registry, "tasks", tasks)
    return chats


def test_every_preset_is_of_packaged_tasks_and_steps() -> None:
    rows = {row.name: row for row in SUITE}
    for preset in PRESETS.values():
        assert all(0 < limit <= rows[name].size for name, limit in preset.tasks)
        assert all(AlphaGrid.parse(grid.alpha).values for grid in preset.grids)
        assert preset.grids[-1][:2] == ("", None)


def test_the_paper_s_steps() -> None:
    paper = find_preset("paper")
    steps = {
        ("Qwen2ForCausalLM", 494_000_000): 1e-3,
        ("Qwen2ForCausalLM", 7_600_000_000): 5e-4,
        ("LlamaForCausalLM", 8_000_000_000): 2.5e-4,
        ("Qwen3ForCausalLM", 100_000_000): 2.5e-4,
    }
    for (architecture, parameters), step in steps.items():
        values = AlphaGrid.parse(paper.alpha(architecture, parameters)).values
        assert values[1] - values[0] == pytest.approx(step)
        assert values[0] == -values[-1]
        assert 0.0 in values


def test_tasks_of_a_chat_model(asked: list[bool]) -> None:
    found = preset_tasks("paper", chat_template=True)
    assert [(task.identity.name, limit) for task, limit in found] == list(PRESETS["paper"].tasks)
    assert {limit for _, limit in preset_tasks("paper", chat_template=True, examples=4)} == {4}
    assert asked == [True, True]


def test_tasks_of_a_model_without_a_template(asked: list[bool]) -> None:
    said: list[str] = []
    names = [task.identity.name for task, _ in preset_tasks("paper", chat_template=False, say=said.append)]
    assert names == [name for name, _ in PRESETS["paper"].tasks[:6]]
    assert said == ["Left out, for want of a chat template: safety, harmbench, ifeval, over_refusal."]
    assert asked == [False]


@pytest.mark.usefixtures("asked")
def test_more_examples_than_there_are() -> None:
    with pytest.raises(InputError, match="601 examples of task 'mmlu_generate': it has 600"):
        preset_tasks("paper", chat_template=True, examples=601)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("papre", [], None, "auto"), "no preset named 'papre'. Known: paper. Did you mean 'paper'"),
        (("paper", ["math"], None, "auto"), "--preset paper with -t math: it has its own tasks"),
        (("paper", [], 0, "auto"), "examples 0: none to score"),
        ((None, [], 4, "auto"), "--examples 4: no preset"),
        ((None, [], None, "preset"), "--alpha preset: no preset. Try: --preset paper"),
    ],
)
def test_what_does_not_go_together(words: Any, error: str) -> None:
    with pytest.raises((InputError, UnknownName)) as raised:
        preset_asked(*words)
    assert error in str(raised.value)


def test_no_preset() -> None:
    assert preset_asked(None, ["math"], None, "auto") is None
    assert preset_asked("paper", [], 4, "0:0.01:2") is PRESETS["paper"]
