"""``corrie protect``: an adapter that any trainer takes, with its certificate; then a fine-tune inside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

TERMS = ("--sigma", "0.02", "--draws", "40", "--selection-draws", "6", "--prompts", "10", "--layers", "q_proj")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """What the first one to ask for it made, and said."""
    return {}


@pytest.fixture
def protected(
    corrie: Any, toy: Path, task: Path, tmp_path: Path, made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    """An adapter of one's own, as the command left it."""
    if not made:
        place = tmp_path_factory.mktemp("made") / "protected"
        made |= {"said": corrie("protect", toy, "-t", f"{task}:10", "--out", place, *TERMS, "--json"), "place": place}
    return made["said"], Path(shutil.copytree(made["place"], tmp_path / "protected"))


def test_an_adapter_with_its_certificate(corrie: Any, protected: tuple[Any, Path]) -> None:
    said, out = protected
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["verdict"], found["subspace"]["free"], found["subspace"]["layers"]) == ("informative", "up", 2)
    tensors = load_file(out / "adapter_model.safetensors")
    assert all((t == 0).all() for n, t in tensors.items() if "lora_B" in n)
    for name, down in tensors.items():
        if "lora_A" in name:
            torch.testing.assert_close(down @ down.T, torch.eye(1))
    (certificate,) = out.glob("certificate-*.json")
    assert corrie("verify", certificate).code == 0


def test_a_fine_tune_inside_is_measured_by_its_certificate(
    corrie: Any, protected: tuple[Any, Path], toy: Path, task: Path, tmp_path: Path
) -> None:
    """B as a trainer would have left it; the certificate of the same subspace speaks about its distance."""
    _, out = protected
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    tensors = load_file(out / "adapter_model.safetensors")
    moved = {n: torch.full_like(t, 0.001) if "lora_B" in n else t for n, t in tensors.items()}
    save_file(moved, tuned / "adapter_model.safetensors")
    (tuned / "adapter_config.json").write_text((out / "adapter_config.json").read_text())
    said = corrie(
        "certify", toy, "-t", f"{task}:10", "--subspace", f"adapter:{out}", *TERMS[:6], "--tuned", tuned,
        "--to", tmp_path / "run", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    found = json.loads(said.out)
    length = 0.001 * sum(t.numel() for n, t in moved.items() if "lora_B" in n) ** 0.5
    assert found["asked"]["distance"] == pytest.approx(length, rel=1e-3)
    assert found["asked"]["name"] == "tuned"


def test_the_fine_tune_may_be_given(corrie: Any, toy: Path, task: Path, tmp_path: Path) -> None:
    folders = []
    for name, more in (("unknown", ()), ("known", ("--examples", f"{task}:10"))):
        said = corrie("protect", toy, "-t", f"{task}:10", "--out", tmp_path / name, *TERMS, *more)
        assert said.code == 0, said.err
        folders.append(load_file(tmp_path / name / "adapter_model.safetensors"))
    name = next(n for n in folders[0] if "lora_A" in n)
    assert not torch.allclose(folders[0][name].abs(), folders[1][name].abs(), atol=1e-3)


def test_what_is_refused(corrie: Any, protected: tuple[Any, Path], toy: Path, task: Path, tmp_path: Path) -> None:
    _, out = protected
    for other in (TERMS[2:], (*TERMS, "--rank", "2")):
        said = corrie("protect", toy, "-t", f"{task}:10", "--out", out, *other)
        assert (said.code, "something is there already" in said.err) == (2, True)
    said = corrie("protect", toy, "-t", f"{task}:40", "--out", tmp_path / "all", *TERMS)
    assert (said.code, "none are left to listen to" in said.err) == (2, True)
    assert not (tmp_path / "all").exists()
    said = corrie("protect", toy, "-t", f"{task}:10", "--out", tmp_path / "p", *TERMS[:-1], "k_porj")
    assert (said.code, "Did you mean 'k_proj'" in said.err) == (2, True)


def test_the_same_command_again_says_the_same_and_changes_nothing(
    corrie: Any, protected: tuple[Any, Path], toy: Path, task: Path
) -> None:
    said, out = protected
    before = {f: f.read_bytes() for f in out.rglob("*.*") if f.name != "run.db"}
    again = corrie("protect", toy, "-t", f"{task}:10", "--out", out, *TERMS, "--json")
    assert (again.code, again.out) == (said.code, said.out)
    assert {f: f.read_bytes() for f in out.rglob("*.*") if f.name != "run.db"} == before


@pytest.mark.parametrize("moment", ["the draws", "the end"])
def test_stopped_midway_the_same_command_goes_on(
    corrie: Any, toy: Path, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whatever is there at a stop, the same command ends with the files of one that was never stopped."""
    place = {
        "the draws": "corrie.records.sqlite_store.SqliteStore.record_claim",
        "the end": "corrie.models.unfinished.Unfinished.finish",
    }[moment]

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def protect(out: Path) -> Any:
        return corrie("protect", toy, "-t", f"{task}:10", "--out", out, *TERMS[:3], "20", *TERMS[4:], "--json")

    out = tmp_path / "one" / "out"
    with monkeypatch.context() as patched:
        patched.setattr(place, stop)
        assert protect(out).code != 0
    assert not out.exists()
    (work,) = out.parent.iterdir()
    frozen = (work / "adapter_model.safetensors").read_bytes()
    said = protect(out)
    assert said.out == protect(tmp_path / "two" / "out").out
    assert [f.name for f in out.parent.iterdir()] == ["out"]
    assert (out / "adapter_model.safetensors").read_bytes() == frozen
