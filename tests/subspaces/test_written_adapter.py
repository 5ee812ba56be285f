"""Adapters that were written are read back as what they were, whatever rank and scale their layers have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.analysis.whole_folder import whole_folder
from corrie.errors import InputError, StorageError
from corrie.subspaces.row_space import FixedMatrices, LowRankSpace, random_rows
from corrie.subspaces.written_adapter import replace_ups, ups, write_place
from corrie.testing.toy_models import toy_module
from corrie.weights.adapter import AdapterFiles
from corrie.weights.adapter_config import ADAPTER_CONFIG

Q0, Q1, DOWN = (
    "model.layers.0.self_attn.q_proj",
    "model.layers.1.self_attn.q_proj",
    "model.layers.1.mlp.down_proj",
)


def mixed() -> LowRankSpace:
    dice = torch.Generator().manual_seed(0)
    fixed = {
        Q0: FixedMatrices(torch.randn(2, 32, generator=dice), scale=16 / 2),
        Q1: FixedMatrices(torch.randn(3, 32, generator=dice), scale=16 / 3),
        DOWN: FixedMatrices(torch.randn(3, 64, generator=dice), scale=32 / 3**0.5),  # rank-stabilised
    }
    return LowRankSpace.of(toy_module(), fixed)


def place(space: LowRankSpace, seed: int = 1) -> dict[str, torch.Tensor]:
    dice = torch.Generator().manual_seed(seed)
    return {n: torch.randn(shape, generator=dice) for n, shape in space.shapes.items()}


def test_ranks_and_scales_survive(tmp_path: Path) -> None:
    space, here = mixed(), place(mixed())
    files = AdapterFiles.open(write_place(space, here, tmp_path / "out", "toy"))
    assert set(files.matrices) == {f"{n}.weight" for n in (Q0, Q1, DOWN)}
    for layer, one in space.fixed.items():
        weight = f"{layer}.weight"
        assert torch.equal(files.down(weight), one.down)
        assert torch.equal(files.up(weight), here[f"{layer}.lora_B"])
        assert files.scale(weight) == one.scale, "bit for bit: the scale is part of the subspace"
        assert torch.allclose(files.delta(weight).double(), space.change(layer, here[f"{layer}.lora_B"]), atol=1e-4)
    config = json.loads((tmp_path / "out" / ADAPTER_CONFIG).read_text())
    assert (config["r"], config["base_model_name_or_path"]) == (3, "toy")


def test_peft_reads_ranks_and_scales_alike(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    space, here = mixed(), place(mixed())
    write_place(space, here, tmp_path / "out")
    base = toy_module()
    merged: Any = peft.PeftModel.from_pretrained(toy_module(), tmp_path / "out").merge_and_unload()
    for layer in (Q0, Q1, DOWN):
        change = merged.get_submodule(layer).weight - base.get_submodule(layer).weight  # type: ignore[operator]
        assert torch.allclose(change.double(), space.change(layer, here[f"{layer}.lora_B"]), atol=1e-4)


@pytest.mark.parametrize(
    ("layers", "targets"),
    [
        ("q_proj", ["q_proj"]),
        ("q_proj+v_proj", ["q_proj", "v_proj"]),
        ("layers.1.self_attn.q_proj", [Q1]),
    ],
)
def test_targets_mean_these_layers_and_no_other(layers: str, targets: list[str], tmp_path: Path) -> None:
    space = random_rows(toy_module(), layers, rank=1)
    write_place(space, place(space), tmp_path / "out")
    assert json.loads((tmp_path / "out" / ADAPTER_CONFIG).read_text())["target_modules"] == targets


def test_of_few_numbers_b_is_u_times_m() -> None:
    space = random_rows(toy_module(), "q_proj", rank=2, free="core")
    here = place(space)
    for layer, up in ups(space, here).items():
        fixed = space.fixed[layer].up
        assert fixed is not None
        assert torch.allclose(up, fixed @ here[f"{layer}.core"], atol=1e-6)


def test_rewriting_keeps_all_but_b(tmp_path: Path) -> None:
    space = mixed()
    files = AdapterFiles.open(write_place(space, place(space), tmp_path / "one"))
    other = {f"{layer}.weight": up for layer, up in ups(space, place(space, 2)).items()}
    again = AdapterFiles.open(replace_ups(files, other, tmp_path / "two"))
    assert again.config == files.config
    for weight in files.matrices:
        assert torch.equal(again.down(weight), files.down(weight))
        assert torch.equal(again.up(weight), other[weight])


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        whole_folder(tmp_path / "out", fails)
    assert list(tmp_path.iterdir()) == []
    space = random_rows(toy_module(), "q_proj", rank=1)
    write_place(space, place(space), tmp_path / "out")
    with pytest.raises(InputError, match="it is there already"):
        write_place(space, place(space), tmp_path / "out")
