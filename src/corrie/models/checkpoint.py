"""Looking at a checkpoint before a single weight of it is loaded: is it a causal language model, and safe to load?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corrie.errors import ModelError
from corrie.weights.adapter import is_adapter

_CAUSAL = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds no causal language model in safetensors.

    Raises:
        ModelError: no config, another kind of model, quantised or pickled weights, no weights.
    """
    if is_adapter(folder):
        raise ModelError(
            f"model folder {folder}",
            found="it holds a LoRA adapter and no model of its own",
            advice=f"its base as the model, and adapter:{folder} as the direction",
        )
    config_file = folder / "config.json"
    if not config_file.is_file():
        inside = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
        raise ModelError(
            f"model folder {folder}",
            found=f"no config.json in it (it holds {inside})",
            advice="a folder written by save_pretrained, or a .gguf file",
        )
    try:
        config = json.loads(config_file.read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as problem:
        raise ModelError(f"model folder {folder}", found=f"config.json cannot be read ({problem})") from None
    check_config(str(folder), config)
    weights = sorted(p.name for p in folder.iterdir())
    if any(n.endswith(".safetensors") for n in weights):
        return
    pickled = [n for n in weights if n.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if pickled:
        raise ModelError(
            f"model folder {folder}",
            found=f"its weights are pickled ({pickled[0]}): loading them could run any code",
            advice='convert them where you trust them: python -c "from transformers import AutoModelForCausalLM as M; '
            f"M.from_pretrained('{folder}').save_pretrained('{folder}-safetensors')\"",
        )
    raise ModelError(f"model folder {folder}", found="no weights (*.safetensors)", advice="copy them into it")


def check_config(name: str, config: dict[str, Any]) -> None:
    """Refuse an architecture that is no causal language model, and weights in quantised form.

    >>> check_config("bert", {"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    Traceback (most recent call last):
    corrie.errors.ModelError: model bert: BertForMaskedLM is no causal language model. Try: smollm2-135m-instruct
    """
    if config.get("quantization_config"):
        method = config["quantization_config"].get("quant_method", "an unnamed method")
        raise ModelError(
            f"model {name}",
            found=f"its weights are quantised ({method}): integers cannot be moved by a small step",
            advice="the float checkpoint it was made from, or a GGUF file (dequantised on loading)",
        )
    named = config.get("architectures") or []
    if config.get("is_encoder_decoder") or (named and not any(str(a).endswith(_CAUSAL) for a in named)):
        raise ModelError(
            f"model {name}",
            found=f"{', '.join(map(str, named)) or config.get('model_type')} is no causal language model",
            advice="smollm2-135m-instruct",
        )
