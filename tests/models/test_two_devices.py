"""A model over two devices, as accelerate spreads it, in a process of its own: the two devices are made for it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from tests.forks import forked


@pytest.mark.skipif(os.name == "nt", reason="fork is POSIX")
def test_over_two_devices_everything_is_as_on_one(tmp_path: Path) -> None:
    from tests.models.two_devices import main

    said = tmp_path / "said.txt"
    forked(partial(main, said))
    assert said.read_text("utf-8").split() == ["same", "points", "scores", "certified", "loaded"]
