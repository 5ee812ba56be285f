"""What the tests of optim share: a language model of a few thousand weights, text for it, and Trainers."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback


class Tiny:
    """The namespace behind the fixture ``tiny``."""

    @staticmethod
    def model(seed: int = 0) -> LlamaForCausalLM:
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=32,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=16,
            tie_word_embeddings=True,
        )
        return LlamaForCausalLM(config)

    @staticmethod
    def examples(count: int = 24) -> list[dict[str, torch.Tensor]]:
        rows = torch.randint(0, 32, (count, 8), generator=torch.Generator().manual_seed(1))
        return [{"input_ids": row, "labels": row} for row in rows]

    @staticmethod
    def arguments(folder: Path, **changes: Any) -> TrainingArguments:
        settings: dict[str, Any] = {
            "output_dir": str(folder),
            "max_steps": 6,
            "per_device_train_batch_size": 2,
            "gradient_accumulation_steps": 2,
            "learning_rate": 1e-2,
            "weight_decay": 0.1,
            "logging_steps": 1,
            "save_steps": 3,
            "report_to": [],
            "use_cpu": True,
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
        }
        return TrainingArguments(**(settings | changes))

    @staticmethod
    def trainer(net: LlamaForCausalLM, args: TrainingArguments, **options: Any) -> Trainer:
        made = Trainer(model=net, args=args, train_dataset=Tiny.examples(), **options)  # type: ignore[arg-type]
        made.remove_callback(PrinterCallback)
        return made

    @staticmethod
    def weights(net: torch.nn.Module) -> list[torch.Tensor]:
        return [p.detach().clone() for p in net.parameters()]

    @staticmethod
    def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
        return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="session", autouse=True)
def little_garbage_to_look_for() -> None:
    """A Trainer collects before and after it trains."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def tiny() -> type[Tiny]:
    return Tiny
