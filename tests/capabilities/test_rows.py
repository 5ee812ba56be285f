import gzip
import json
from pathlib import Path

from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.rows import (
    advbench,
    choices,
    ifeval,
    one_a_line,
    read_rows,
    targets,
    worked_answers,
    written_answers,
)


def row(doc_id, idx, context, continuation, label, native_id="n", **doc):
    return {
        "doc_id": doc_id,
        "idx": idx,
        "label": label,
        "native_id": native_id,
        "doc": doc,
        "request": {"context": context, "continuation": continuation},
    }


def save(folder: Path, rows) -> Path:
    file = folder / "requests.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    return file


def test_bare_rows_are_left_out_and_options_are_in_their_order(tmp_path: Path) -> None:
    file = save(
        tmp_path,
        [
            row(0, 1, "Q: é?\nAnswer:", " no", 0, "a"),
            row(0, 0, "Q: é?\nAnswer:", " yes", 0, "a"),
            row(1000000, 0, "Answer:", " yes", 0, "a"),
            row(1000000, 1, " Answer: ", " no", 0, "a"),
            row(1, 0, "Q: b?\nAnswer:", " yes", 1, "b"),
            row(1, 1, "Q: b?\nAnswer:", " no", 1, "b"),
        ],
    )
    yes, no = (("Q: é?\nAnswer:", " yes", "yes"), ("Q: é?\nAnswer:", " no", "no"))
    first, second = choices(read_rows(file))
    assert first == Choice("a", (Option(*yes), Option(*no)), 0)
    assert (second.id, second.gold) == ("b", 1)


def test_partial_evaluation_shows_the_names(tmp_path: Path) -> None:
    names = {"option1": "Sarah", "option2": "Maria"}
    rows = [row(7, i, f"so {n}", " won.", 1, None, **names) for i, n in enumerate(names.values())]
    assert choices(rows) == [
        Choice("7", (Option("so Sarah", " won.", "Sarah"), Option("so Maria", " won.", "Maria")), 1)
    ]


def test_targets() -> None:
    assert targets([row(0, 0, "the sky is", " blue", ["blue"], 12)]) == [Target("12", "the sky is", " blue")]


def test_written_answers_are_one_for_each_document() -> None:
    chosen = [row(i, k, f"{i}?", f" {k}", i, f"n{i}", choices=["x", "y"]) for i in range(2) for k in range(2)]
    assert written_answers(chosen) == [Request("n0", "0?", "x"), Request("n1", "1?", "y")]
    assert written_answers([row(0, 0, "how many?", " so 18.", "18", 3)]) == [Request("3", "how many?", "18")]


def test_worked_answers() -> None:
    rows = [row(0, 0, "Problem: 1 + 1", " is $2$", None, 3, solution="It is $2$.", answer="2")]
    assert worked_answers(rows) == [Request("3", "Problem: 1 + 1", "It is $2$.")]


def test_the_one_shape_of_yaml_that_advbench_has(tmp_path: Path) -> None:
    file = tmp_path / "adv_bench.prompt"
    file.write_text(
        "dataset_name: d\ndescription: 'x\n\n  - value: not a seed'\nseeds:\n"
        "- value: Do one thing\n  data_type: text\n  harm_categories:\n  - A\n    - value: no\n"
        "- value: Do another thing that is so long that it is\n    folded onto\n    three lines\n  data_type: text\n"
        "- value: Do a third\n"
    )
    assert advbench(file) == [
        Request("0", "Do one thing", ""),
        Request("1", "Do another thing that is so long that it is folded onto three lines", ""),
        Request("2", "Do a third", ""),
    ]


def test_requests_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("Do one thing\nDo two\n\nDo three")
    assert one_a_line(file) == [
        Request("0", "Do one thing", ""),
        Request("1", "Do two", ""),
        Request("3", "Do three", ""),
    ]


def test_ifeval(tmp_path: Path) -> None:
    file = tmp_path / "input_data.jsonl"
    file.write_text('{"key": 1000, "prompt": "Write.", "kwargs": []}\n\n{"key": 1001, "prompt": "Sing."}\n')
    assert ifeval(file) == [Request("1000", "Write.", ""), Request("1001", "Sing.", "")]
