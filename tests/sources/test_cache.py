import sys
from pathlib import Path

import pytest

from corrie.errors import StorageError
from corrie.sources.cache import cache_folder


def test_the_variable_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIE_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    assert not (tmp_path / "here").exists()


def test_the_variable_may_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("CORRIE_CACHE", "~/cache")
    assert cache_folder() == tmp_path / "cache"


def test_a_relative_cache_does_not_follow_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORRIE_CACHE", "cache")
    assert cache_folder() == tmp_path / "cache"


@pytest.mark.skipif(sys.platform != "linux", reason="the XDG rules")
@pytest.mark.parametrize(
    ("xdg", "under"), [(None, ".cache/corrie"), ("", ".cache/corrie"), ("relative", ".cache/corrie")]
)
def test_linux_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xdg: str | None, under: str) -> None:
    monkeypatch.delenv("CORRIE_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert cache_folder() == tmp_path / under
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "corrie"


def test_no_home_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORRIE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(StorageError, match="CORRIE_CACHE"):
        cache_folder()
