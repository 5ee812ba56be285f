from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from corrie.capabilities import extra
from corrie.capabilities.examples import Request
from corrie.capabilities.mmlu import in_turn, questions, read_arrow
from corrie.capabilities.registry import tasks
from corrie.errors import InputError


def rows(subject: str, count: int) -> list[dict]:
    return [
        {"question": f" What of {subject} {i}?\n", "subject": subject, "choices": list("wxyz"), "answer": i % 4}
        for i in range(count)
    ]


def test_five_worked_examples_of_the_subject_come_first() -> None:
    first, second = questions(rows("high_school_physics", 2), rows("high_school_physics", 7))
    assert first.prompt.startswith(
        "The following are multiple choice questions (with answers) about high school physics.\n\nWhat of high"
    )
    assert first.prompt.count("Answer:") == 6
    assert "Answer: A\n\nWhat of high_school_physics 1?\nA. w\nB. x\nC. y\nD. z\nAnswer: B\n\n" in first.prompt
    assert first.prompt.endswith("D. z\nAnswer:")
    assert (first.id, first.answer, second.answer) == ("high_school_physics/0", "A", "B")


def test_every_limit_is_spread_over_the_subjects_and_limits_nest() -> None:
    sizes = {"a": 3, "b": 5, "c": 4}
    order = in_turn([[Request(f"{s}/{i}", "", "") for i in range(n)] for s, n in sizes.items()], "salt")
    subjects = [request.id[0] for request in order]
    assert Counter(subjects) == sizes
    for count in (3, 6, 9):
        assert set(Counter(subjects[:count]).values()) == {count // 3}
    assert set(subjects[9:11]) == {"b", "c"}
    again = in_turn([[Request(f"{s}/{i}", "", "") for i in reversed(range(n))] for s, n in sizes.items()], "salt")
    assert again == order
    assert order != in_turn([[Request(f"{s}/{i}", "", "") for i in range(n)] for s, n in sizes.items()], "other")


def test_rows_of_an_arrow_stream(tmp_path: Path) -> None:
    file = tmp_path / "data.arrow"
    table = pa.Table.from_pylist(rows("virology", 3))
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    assert read_arrow(file) == rows("virology", 3)


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def gone(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extra, "import_module", gone)
    with pytest.raises(InputError, match=r"MMLU: pyarrow is not installed. Try: pip install 'corrie\[paper\]'"):
        read_arrow(tmp_path / "data.arrow")


@pytest.mark.real
def test_the_real_questions() -> None:
    (task,) = tasks("mmlu_generate")
    cards = [task.card(i) for i in range(task.identity.size)]
    assert task.identity.size == 14042
    assert Counter(card.id.split("/")[0] for card in cards[:570]) == Counter(
        dict.fromkeys({card.id.split("/")[0] for card in cards}, 10)
    )
    share = Counter(card.target for card in cards)
    assert all(3000 < share[letter] < 4000 for letter in "ABCD")
