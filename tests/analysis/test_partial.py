"""What a killed process leaves beside a place goes with the next writing; what a living one holds stays."""

import os
import signal
from pathlib import Path

import pytest

from corrie.analysis.partial import partial, remove_left, stem
from corrie.analysis.whole_file import write_whole
from corrie.analysis.whole_folder import whole_folder
from corrie.errors import InputError


def killed_while(work) -> None:
    child = os.fork()
    if child == 0:
        work(lambda _: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("write", [write_whole, whole_folder])
def test_a_kill_leaves_nothing_in_place_and_the_next_cleans_up(write, tmp_path: Path) -> None:
    target = tmp_path / "out"

    def half(kill) -> None:
        def fill(new: Path) -> None:
            (new / "half" if new.is_dir() else new).write_text("half")
            kill(new)

        write(target, fill)

    killed_while(half)
    assert not target.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.partial-")
    write(target, lambda new: (new / "a" if new.is_dir() else new).write_text("whole"))
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_held_stays(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with partial(target, folder=True) as one, partial(target, folder=False) as two:
        remove_left(target)
        assert one.is_dir()
        assert two.is_file()
    assert not list(tmp_path.iterdir())


def test_nothing_of_another_place_is_removed(tmp_path: Path) -> None:
    near = [tmp_path / f"{stem(tmp_path / name)}x" for name in ("outer", "ou")]
    for place in near:
        place.mkdir()
    whole_folder(tmp_path / "out", lambda new: None)
    assert all(place.is_dir() for place in near)


def test_a_link_among_what_was_left_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / f"{stem(tmp_path / 'out')}x").symlink_to(tmp_path / "precious")
    whole_folder(tmp_path / "out", lambda new: None)
    assert (tmp_path / "precious").is_dir()


def test_what_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def meanwhile(new: Path) -> None:
        target.mkdir()
        (target / "mine").write_text("mine")

    with pytest.raises(InputError, match="there already"):
        whole_folder(target, meanwhile, empty=True)
    assert [f.name for f in tmp_path.rglob("*")] == ["out", "mine"]


def test_a_link_to_an_empty_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    whole_folder(tmp_path / "out", lambda new: (new / "a").write_text("whole"), empty=True)
    assert (tmp_path / "disk" / "a").read_text() == "whole"
    assert (tmp_path / "out").is_symlink()


def test_a_long_name_has_room(tmp_path: Path) -> None:
    write_whole(tmp_path / ("é" * 120), lambda new: new.write_text("whole"))
