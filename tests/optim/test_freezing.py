"""With A frozen an unmodified Trainer stays in one subspace, and certificates of it take the result."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments

import corrie
from corrie.errors import InputError
from corrie.optim import freeze_down
from corrie.subspaces.stand import stand
from corrie.testing.toy_models import toy_model, toy_module

peft = pytest.importorskip("peft")


def train(model: Any, folder: Path) -> None:
    """A Trainer as anybody writes it: AdamW with weight decay."""
    rows = torch.randint(0, 250, (16, 8), generator=torch.Generator().manual_seed(1))
    args = TrainingArguments(
        str(folder / "out"), max_steps=3, learning_rate=0.05, weight_decay=0.1, report_to=[], use_cpu=True, seed=0
    )
    args.save_strategy = "no"  # type: ignore[assignment]
    Trainer(model=model, args=args, train_dataset=[{"input_ids": r, "labels": r} for r in rows]).train()  # type: ignore[arg-type]


def matrices(model: Any, kind: str) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.named_parameters() if kind in n}


def test_an_unmodified_trainer_trains_b_alone(tmp_path: Path) -> None:
    model = toy_model()
    start = corrie.smoothed(model, ("adapter:q_proj:2", 0.5)).save(tmp_path / "start", center=True)
    tuned = peft.PeftModel.from_pretrained(toy_module(), start, is_trainable=True)
    assert freeze_down(tuned) == 2
    before, zeros = matrices(tuned, "lora_A"), matrices(tuned, "lora_B")
    train(tuned, tmp_path)
    assert all(torch.equal(p, before[n]) for n, p in matrices(tuned, "lora_A").items())
    assert all(not torch.equal(p, zeros[n]) for n, p in matrices(tuned, "lora_B").items())
    tuned.save_pretrained(tmp_path / "tuned")
    space = corrie.smoothed(model, ("adapter:q_proj:2", 0.5)).space
    found = stand(model, space, str(tmp_path / "tuned"))
    moved = math.sqrt(sum(float(p.double().square().sum()) for p in matrices(tuned, "lora_B").values()))
    assert found.distance == pytest.approx(moved, rel=1e-6)


def test_without_it_a_moves_and_the_adapter_is_refused(tmp_path: Path) -> None:
    model = toy_model()
    start = corrie.smoothed(model, ("adapter:q_proj:2", 0.5)).save(tmp_path / "start", center=True)
    tuned = peft.PeftModel.from_pretrained(toy_module(), start, is_trainable=True)
    train(tuned, tmp_path)
    tuned.save_pretrained(tmp_path / "tuned")
    with pytest.raises(InputError, match=r"A was trained\. Try: freeze A while training"):
        stand(model, corrie.smoothed(model, ("adapter:q_proj:2", 0.5)).space, str(tmp_path / "tuned"))


def test_what_is_frozen(tiny: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = peft.LoraConfig(r=2, target_modules=["q_proj", "embed_tokens"], modules_to_save=["lm_head"])
        model = peft.get_peft_model(toy_module(tied=False), config)
    trainable = {n for n, p in model.named_parameters() if p.requires_grad}
    assert freeze_down(model) == 3
    left = {n for n, p in model.named_parameters() if p.requires_grad}
    assert {n for n in trainable - left if "lora_A" in n or "lora_embedding_A" in n} == trainable - left
    assert len(trainable - left) == 3
    assert freeze_down(model) == 3, "again does no harm"
    with pytest.raises(InputError, match="no adapter with a lora_A"):
        freeze_down(tiny.model())
