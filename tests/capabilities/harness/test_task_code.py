from pathlib import Path

import pytest

from corrie.capabilities.harness.task_code import code_of, mapping_of
from corrie.errors import TaskError

BROUGHT = {"acc"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("task: a\nmetric_list: [{metric: acc}]\n", []),
        ("task: a\nprocess_docs: !function utils.f\n", ["!function utils.f"]),
        ("task: a\nfilter_list: [{filter: [{function: !function b.C}]}]\n", ["!function b.C"]),
        ("class: !function task.Own\ntask: a\n", ["!function task.Own"]),
        ("task: a\nmetric_list: [{metric: ./evil}]\n", ["the metric './evil', which is not the harness's own"]),
        ("task: a\nmetric_list: [{metric: acc, hf_evaluate: true}]\n", ["hf_evaluate"]),
        ("task: a\ndataset_kwargs: {trust_remote_code: true}\n", ["trust_remote_code"]),
        ("task: a\ndataset_kwargs: {trust_remote_code: false}\n", []),
        ("task: !!python/name:os.system\n", ["tag:yaml.org,2002:python/name:os.system"]),
        ("task: &x [1, *x]\n", []),
    ],
)
def test_code_is_found_before_it_runs(tmp_path: Path, text: str, code: list[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    assert list(code_of([file], BROUGHT)) == [f"a.yaml: {one}" for one in code]


def test_included_files_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "base").write_text("process_results: !function more.judge\n")
    (tmp_path / "a.yaml").write_text("include: base\ntask: a\n")
    assert code_of([tmp_path / "a.yaml"], BROUGHT) == ("base: !function more.judge",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- a\n- b\n", "YAML, but no mapping"),
        ("task: [a\n", "it is no YAML"),
        ("include: a.yaml\n", "it includes itself"),
        ("include: other.yaml\n", "other.yaml"),
    ],
)
def test_what_is_no_task_file(tmp_path: Path, text: str, found: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(TaskError, match=found):
        code_of([file], BROUGHT)


def test_nothing_is_made_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("task: !!python/object/apply:os.abort []\n")
    assert mapping_of(file).value[0][0].value == "task"
