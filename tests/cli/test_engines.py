"""``--engine``, ``--workers`` and ``--address`` as their users meet them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from corrie.cli.asking import engine_asked

TERMS: dict[str, list[str]] = {
    "scan": ["--direction", "gaussian:0-1", "--alpha", "0:0.02:3"],
    "plane": ["--alpha=0:0.01:2"],
    "fraction": ["--sigma", "0.0001", "--at-least", "0.5", "--confidence", "0.7"],
}


def test_the_terms_of_an_engine_stand_in_its_name() -> None:
    assert engine_asked("ray", 4, None) == "ray:4"
    assert engine_asked("ray", 4, "auto") == "ray:4@auto"
    assert engine_asked("ray", None, "auto") == "ray:@auto"
    assert engine_asked("ray:3", None, None) == "ray:3"
    assert engine_asked("ray:serial", 4, None) == "ray:serial:4"
    assert engine_asked("ray:serial", None, "auto") == "ray:serial:@auto"


@pytest.mark.parametrize("command", sorted(TERMS))
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--workers", "2"], "--workers with the engine serial: only ray has workers. Try: --engine ray"),
        (["--address", "auto"], "--address with the engine serial: only ray has workers"),
        (["--engine", "ray", "--workers", "0"], "'0' workers"),
        (["--engine", "rai"], "no engine named 'rai'"),
        (["--engine", "ray:3", "--workers", "2"], "--workers with the engine ray:3: its name says it already"),
        (["--engine", "ray:@auto", "--workers", "2"], "--workers with the engine ray:@auto: its name says it"),
        (["--engine", "ray:vlm", "--workers", "2"], "no engine named 'vlm'"),
    ],
)
def test_terms_that_are_not_valid_are_refused_first(
    corrie: Any, toy: Path, task: Path, tmp_path: Path, command: str, more: list[str], said: str
) -> None:
    refused = corrie(command, toy, "-t", f"{task}:10", *TERMS[command], "--to", tmp_path / "run", *more)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert "Loading" not in refused.err
    assert not (tmp_path / "run").exists()


def test_more_workers_than_this_machine_has_processors(corrie: Any, toy: Path, task: Path, tmp_path: Path) -> None:
    for command in sorted(TERMS):
        more = ["--engine", "ray", "--workers", "9999", "--to", tmp_path / "run"]
        refused = corrie(command, toy, "-t", f"{task}:10", *TERMS[command], *more)
        assert (refused.code, refused.out) == (2, "")
        assert "9999 workers on Ray: this machine has" in refused.err
        assert not (tmp_path / "run").exists()


@pytest.mark.skipif(find_spec("vllm") is not None, reason="it is installed here")
@pytest.mark.parametrize("command", sorted(TERMS))
@pytest.mark.parametrize("engine", [["vllm"], ["ray:vllm", "--workers", "2"]])
def test_an_engine_that_is_not_installed_is_refused_before_anything_is_loaded(
    corrie: Any, toy: Path, task: Path, tmp_path: Path, command: str, engine: list[str]
) -> None:
    asked = ["-t", f"{task}:10", *TERMS[command], "--engine", *engine, "--to", tmp_path / "run"]
    refused = corrie(command, toy, *asked)
    assert (refused.code, refused.out) == (2, "")
    assert "engine vllm: vLLM is not installed. Try: pip install 'corrie[vllm]'" in refused.err
    assert "Loading" not in refused.err
    assert not (tmp_path / "run").exists()


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_scan_on_ray_exports_the_rows_of_a_serial_one(corrie: Any, toy: Path, task: Path, tmp_path: Path) -> None:
    written = []
    for name, more in (("serial", []), ("ray", ["--engine", "ray", "--workers", "2"])):
        said = corrie("scan", toy, "-t", f"{task}:10", *TERMS["scan"], "--to", tmp_path / name, *more)
        assert said.code == 0
        assert corrie("export", tmp_path / name, "--out", tmp_path / f"{name}.csv").code == 0
        written.append((tmp_path / f"{name}.csv").read_text("utf-8"))
    assert written[0] == written[1]
