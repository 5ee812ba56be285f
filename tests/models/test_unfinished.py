"""A folder of weights that waits beside its place until it is whole, and is found again by its question."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from corrie.errors import InputError
from corrie.models.unfinished import Unfinished
from corrie.weights.asked_note import asked_of, note_of


def begin(work: Unfinished) -> None:
    work.work.mkdir(parents=True)
    save_file({"w": torch.ones(1)}, work.work / "adapter_model.safetensors", metadata=note_of(work.question))


def test_it_is_found_again_by_its_question_and_put_in_place_whole(tmp_path: Path) -> None:
    work = Unfinished(tmp_path / "out", "5f2a")
    begin(work)
    (work.work / "more").write_text("more")
    assert (Unfinished(tmp_path / "out", "5f2a").begun, work.whole) == (True, False)
    assert not Unfinished(tmp_path / "out", "other").begun
    assert work.finish() == tmp_path / "out"
    assert (work.whole, work.work) == (True, tmp_path / "out")
    assert [f.name for f in tmp_path.iterdir()] == ["out"]
    assert (work.finish() / "more").read_text() == "more", "a second time there is nothing to do"


def test_what_others_left_for_the_same_place_goes_when_it_is_taken(tmp_path: Path) -> None:
    for asked in ("one", "two"):
        begin(Unfinished(tmp_path / "out", asked))
    begin(Unfinished(tmp_path / "outer", "one"))
    Unfinished(tmp_path / "out", "two").finish()
    assert sorted(f.name for f in tmp_path.iterdir()) == [".outer.unfinished-one", "out"]


def test_what_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    work = Unfinished(tmp_path / "out", "5f2a")
    begin(work)
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="there already"):
        work.finish()
    assert (tmp_path / "out").read_text() == "mine"
    assert work.begun


def test_what_tells_of_no_question(tmp_path: Path) -> None:
    assert asked_of(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"no header")
    assert asked_of(tmp_path) is None
    save_file({"w": torch.ones(1)}, tmp_path / "model.safetensors")
    assert asked_of(tmp_path) is None
