"""Files, folders and tasks as windows of tokens; and what is no text."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from corrie.capabilities.choice import ChoiceTask
from corrie.errors import InputError, UnknownName
from corrie.models.model import Model
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.widening.own_writing import own_writing
from corrie.widening.texts import documents, windows_of


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def test_a_file_is_cut_into_windows_and_its_rest_left(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text("abcdefghij" * 2 + "rest")
    rows = windows_of(model, [file], length=10)
    assert [model.tokenizer.decode(row) for row in rows] == ["abcdefghij"] * 2


def test_a_folder_gives_its_texts_and_leaves_what_is_none(model: Model, tmp_path: Path) -> None:
    for name, content in (("b.md", b"bbbb"), ("a/a.txt", b"aaaa"), ("x.bin", b"\0\1"), (".hidden", b"hhhh")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.md")
    assert list(documents(tmp_path)) == ["aaaa", "bbbb"]


def test_a_task_gives_its_examples(model: Model) -> None:
    task = toy_choice(model, size=5)
    (text,) = documents(task)
    assert all(task.card(n).target in text and task.card(n).prompt in text for n in range(5))
    assert windows_of(model, [task], length=16).shape[1] == 16


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"short", "its longest text has 5 tokens, and a window takes 16"), (b"", "no text in it"),
     (b"\xff\xfe\xff", "it is not UTF-8")],
)  # fmt: skip
def test_what_is_no_text_is_refused(model: Model, tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said):
        windows_of(model, [file], length=16)


def test_a_place_that_is_not_there_and_a_task_that_is_none(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        windows_of(model, [str(tmp_path / "nothing.txt")], length=16)
    with pytest.raises(UnknownName, match="gsm9k"):
        windows_of(model, ["gsm9k"], length=16)


def test_harmful_requests_are_no_text(model: Model) -> None:
    harmful = ChoiceTask("harm", toy_choice(model, 4).examples, capability="x", source="x", sensitive=True)
    with pytest.raises(InputError, match="harmful requests"):
        windows_of(model, [harmful], length=16)


def test_own_writing_is_drawn_from_what_the_model_thinks(model: Model) -> None:
    """The second token of many rows against the model's distribution after the beginning."""
    rows = own_writing(model, 400, 2, seed=1)
    assert torch.equal(rows, own_writing(model, 400, 2, seed=1))
    assert not torch.equal(rows, own_writing(model, 400, 2, seed=2))
    start = model.encoder.prompt("", False, 2)
    with torch.no_grad():
        chances = torch.softmax(model.module(input_ids=torch.tensor([start])).logits[0, -1], dim=0)
    seen = torch.bincount(rows[:, 1], minlength=len(chances)) / 400
    assert (rows[:, 0] == start[0]).all()
    assert float((seen - chances).abs().sum()) < 2 * float((chances * (1 - chances) / 400).sqrt().sum())
