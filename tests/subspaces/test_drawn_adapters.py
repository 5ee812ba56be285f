"""Draws as adapters: PEFT loads each, and it is the draw of its seed."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import corrie
from corrie.errors import InputError
from corrie.subspaces.drawn_adapters import DrawnAdapters, draw_adapters
from corrie.testing.toy_models import toy_model, toy_module

peft = pytest.importorskip("peft")

IDS = torch.arange(24).reshape(2, 12)


def theirs(folder: Path, module: Any) -> torch.Tensor:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error", UserWarning)
        return peft.PeftModel.from_pretrained(module, folder)(IDS).logits


@pytest.mark.parametrize("kind", ["rows", "core"])
def test_peft_serves_each_draw(kind: str, request: Any, tmp_path: Path) -> None:
    made = request.getfixturevalue(kind)
    served = corrie.smoothed(made.model, made.file, made.tuned)
    drawn = draw_adapters(served, 2, tmp_path / "out", seed=7)
    assert (drawn.names, drawn.seeds) == (("draw-0", "draw-1"), (7, 8))
    for name, seed in zip(drawn.names, drawn.seeds, strict=True):
        with served.drawn(seed), torch.no_grad():
            ours = made.model.module(IDS).logits
        assert torch.allclose(theirs(tmp_path / "out" / name, toy_module()), ours, atol=1e-5)
    assert not torch.allclose(ours, theirs(made.tuned, toy_module()), atol=1e-3)
    assert {f.name for f in (tmp_path / "out").iterdir()} == {"draw-0", "draw-1", "draws.json"}


def test_gpt2_stores_its_layers_the_other_way_round(tmp_path: Path) -> None:
    model = toy_model("gpt2")
    served = corrie.smoothed(model, ("adapter:c_attn+transformer.h.1.mlp.c_proj:2", 0.5))
    served.save(tmp_path / "draw", seed=1)
    with served.drawn(1), torch.no_grad():
        ours = model.module(IDS).logits
    assert torch.allclose(theirs(tmp_path / "draw", toy_module("gpt2")), ours, atol=1e-5)


def test_what_was_drawn_is_written_beside(rows: Any, tmp_path: Path) -> None:
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    drawn = draw_adapters(served, 3, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "draws.json").read_text())
    assert [a["seed"] for a in found["adapters"]] == list(drawn.seeds)
    assert len(set(drawn.seeds)) == 3
    assert found["outcomes"] == rows.certificate.evidence.digest
    assert found["distance"] == served.distance
    assert (found["sigma"], found["lattice"], found["sentence"]) == (served.sigma, served.lattice, str(served))
    around = corrie.smoothed(rows.model, rows.file, tmp_path / "out" / drawn.names[0]).center
    for name, value in served.adapter_draw(drawn.seeds[0]).items():
        assert torch.equal(around[name], value), "the file holds the draw exactly"


def test_the_shortfall_holds_as_often_as_it_says(holds_as_often_as: Any) -> None:
    """The mean of N independent scores, each 1 with probability 1/2: nothing is more spread out."""
    dice = np.random.default_rng(0)
    for count in (4, 16, 64):
        made = DrawnAdapters(Path("x"), tuple(map(str, range(count))), tuple(range(count)), "")
        assert made.shortfall == pytest.approx(math.sqrt(math.log(20) / (2 * count)), rel=0.01)
        holds_as_often_as(0.95, dice.integers(0, 2, (4000, count)).mean(1) >= 0.5 - made.shortfall)


def test_what_cannot_be_drawn(rows: Any, tmp_path: Path) -> None:
    served = corrie.smoothed(rows.model, rows.file)
    spec = rows.certificate.evidence.spec
    for count in (0, -1, 10_001):
        with pytest.raises(InputError, match="there must be 1 to 10000"):
            draw_adapters(served, count, tmp_path / "out")
    with pytest.raises(InputError, match="would not be independent"):
        draw_adapters(served, 3, tmp_path / "out", seed=spec.first - 1)
    with pytest.raises(InputError, match="no low-rank changes"):
        draw_adapters(corrie.smoothed(rows.model, ("full", 0.1)), 1, tmp_path / "out")
    (tmp_path / "there").write_text("")
    with pytest.raises(InputError, match="it is there already"):
        draw_adapters(served, 1, tmp_path / "there")
    assert [f.name for f in tmp_path.iterdir()] == ["there"], "no trace is left"
