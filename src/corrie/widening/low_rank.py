"""Adapters that are trained in the weights' place: for models whose gradients and moments do not fit beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from corrie.errors import InputError
from corrie.weights.selection import named_parameters


@dataclass(frozen=True)
class Adapted:
    """A module with a LoRA pair on every linear layer but the output head: W + B A, W frozen, B zero at first.

    module    PEFT's, around the given one
    trained   name → the pairs' matrices
    """

    module: Any
    trained: dict[str, nn.Parameter]

    @classmethod
    def of(cls, module: nn.Module, rank: int, base: str, seed: int) -> Adapted:
        """Put adapters on; ``module`` itself is changed.

        Args:
            module: what is trained.
            rank: of every pair; the scale is 1.
            base: the model's name, for the adapter's configuration.
            seed: of A's start.

        Raises:
            InputError: PEFT is not installed.
        """
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError:
            raise InputError(
                "adapters", found="peft is not installed", advice="pip install 'corrie[adapters]'"
            ) from None

        settings = LoraConfig(
            r=rank, lora_alpha=rank, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            wrapped: Any = get_peft_model(module, settings)  # pyright: ignore[reportArgumentType]
        wrapped.eval()
        wrapped.peft_config["default"].base_model_name_or_path = base
        trained = {n: p for n, p in named_parameters(wrapped).items() if p.requires_grad}
        return cls(wrapped, trained)

    def merged(self, folder: Path) -> nn.Module:
        """Write the adapter into a folder, then add it to the weights; the module as it was before, but moved."""
        self.module.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        return self.module.merge_and_unload()
