import os
from pathlib import Path

import pytest

from corrie.errors import InputError
from corrie.weights.sources import Sources


def test_a_place_is_given_back_while_it_is_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    sources = Sources()
    sources.add("a" * 64, tmp_path)
    assert sources.path("a" * 64, "x") == tmp_path
    (tmp_path / "README.md").write_text("of no weight")
    assert sources.path("a" * 64, "x") == tmp_path
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))
    with pytest.raises(InputError, match="was changed since"):
        sources.path("a" * 64, "x")
    file.unlink()
    with pytest.raises(InputError, match="was changed since"):
        sources.path("a" * 64, "x")


def test_a_place_that_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "one.safetensors"
    file.write_bytes(b"one")
    sources = Sources()
    sources.add("a" * 64, file)
    file.unlink()
    with pytest.raises(InputError, match="was changed since"):
        sources.path("a" * 64, "x")
