from __future__ import annotations

from pathlib import Path

import pytest

from corrie.errors import RunError
from corrie.records.draw_log import DrawLog, logs_in


def test_what_was_drawn_is_there_for_the_next_process(tmp_path: Path) -> None:
    log = DrawLog(tmp_path, "a")
    log.add("draw 0", ["x", "y"], [1.0, 0.0])
    log.add("draw 1", ["x", "y"], [1.0, 1.0])
    again = DrawLog(tmp_path, "a")
    assert (again.get("draw 0"), again.get("draw 1"), again.get("draw 2")) == ((1.0, 0.0), (1.0, 1.0), None)
    assert again.ids == ("x", "y")
    assert DrawLog(tmp_path, "b").get("draw 0") is None
    assert logs_in(tmp_path) == 1


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_a_kill_left_half_written_is_drawn_again(tmp_path: Path, cut: int) -> None:
    log = DrawLog(tmp_path, "a")
    for number in range(2):
        log.add(f"draw {number}", ["x"], [1.0])
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-cut])
    again = DrawLog(tmp_path, "a")
    assert (again.get("draw 0"), again.get("draw 1")) == ((1.0,), None)
    again.add("draw 1", ["x"], [1.0])
    assert file.read_bytes() == whole


def test_a_changed_line_is_not_believed(tmp_path: Path) -> None:
    DrawLog(tmp_path, "a").add("draw 0", ["x"], [0.0])
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text().replace("[0.0]", "[1.0]"))
    assert DrawLog(tmp_path, "a").get("draw 0") is None


def test_draws_of_two_functions_never_share_a_log(tmp_path: Path) -> None:
    """A log that does not know its function goes on with any, and belongs to that one from then on."""
    DrawLog(tmp_path, "one").add("draw 0", ["a"], [1.0])
    log = DrawLog(tmp_path, "one", "d" * 64)
    assert log.get("draw 0") == (1.0,)
    log.add("draw 1", ["a"], [0.0])
    again = DrawLog(tmp_path, "one", "d" * 64)
    assert (again.get("draw 0"), again.get("draw 1")) == ((1.0,), (0.0,))
    with pytest.raises(RunError, match="the same weights under other settings"):
        DrawLog(tmp_path, "one", "e" * 64)
