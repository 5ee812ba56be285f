"""Looking at a checkpoint before a single weight of it is loaded: is it a causal language model, and safe to load?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corrie.errors import ModelError
from corrie.models.side_files import MODEL_CONFIG, check_regular, check_sizes, check_tokenizer, read_object
from corrie.weights.adapter import is_adapter
from corrie.weights.tensor_files import TensorFiles

_CAUSAL = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


_ELSEWHERE = ("transformers_weights", "fusion_config", "compression_config")
"""Settings by which a configuration would have its weights read from other files, or changed while they are read."""

_CODE = ("attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation")
"""Settings that may name code on the hub."""


def open_weights(folder: Path) -> TensorFiles:
    """The tensors of a model's folder, after everything in it was looked at that can be before anything is built.

    The one door: loading, and directions that lead to a folder, both go through it.

    Raises:
        ModelError: as of :func:`check_folder`; weights that cannot be read (:class:`TensorFiles`); a configuration with
            sizes that its weights cannot have, or that sends the reader elsewhere; a tokenizer.json that would take the
            process down.
    """
    config = check_folder(folder)
    files = TensorFiles.open(folder)
    check_sizes(f"model {folder.name}", config, len(files.files) + len(files.others))
    check_tokenizer(folder)
    return files


def check_folder(folder: Path) -> dict[str, Any]:
    """Refuse a folder that holds no causal language model in safetensors; its configuration otherwise.

    Raises:
        ModelError: no config, another kind of model, quantised or pickled weights, no weights.
    """
    check_regular(folder)
    if is_adapter(folder):
        raise ModelError(
            f"model folder {folder}",
            found="it holds a LoRA adapter and no model of its own",
            advice=f"its base as the model, and adapter:{folder} as the direction",
        )
    if not (folder / MODEL_CONFIG).is_file():
        inside = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
        raise ModelError(
            f"model folder {folder}",
            found=f"no config.json in it (it holds {inside})",
            advice="a folder written by save_pretrained, or a .gguf file",
        )
    config = read_object(folder, MODEL_CONFIG)
    check_config(str(folder), config)
    weights = sorted(p.name for p in folder.iterdir())
    if any(n.endswith(".safetensors") for n in weights):
        return config
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
    quantised = next((q for q in _every(config, "quantization_config") if q), None)
    if quantised:
        method = quantised.get("quant_method", "an unnamed method") if isinstance(quantised, dict) else quantised
        raise ModelError(
            f"model {name}",
            found=f"its weights are quantised ({method}): integers cannot be moved by a small step",
            advice="the float checkpoint it was made from, or a GGUF file (dequantised on loading)",
        )
    for key in _ELSEWHERE:
        if config.get(key):
            raise ModelError(
                f"model {name}",
                found=f"config.json sets {key}, by which its weights would be read in a way of its own",
                advice="a folder written by save_pretrained",
            )
    for key in _CODE:
        value = config.get(key)
        if value is not None and "/" in str(value):
            raise ModelError(
                f"model {name}", found=f"config.json has code of its own run ({key})", advice="a config.json without it"
            )
    named = config.get("architectures") or []
    if not isinstance(named, list):
        raise ModelError(f"model {name}", found=f"config.json cannot be read (architectures is {str(named)[:80]!r})")
    if config.get("is_encoder_decoder") or (named and not any(str(a).endswith(_CAUSAL) for a in named)):
        raise ModelError(
            f"model {name}",
            found=f"{', '.join(map(str, named)) or config.get('model_type')} is no causal language model",
            advice="smollm2-135m-instruct",
        )


def _every(config: dict[str, Any], key: str) -> list[Any]:
    """A setting of the configuration and of the parts it has (``text_config``)."""
    return [part[key] for part in (config, *config.values()) if isinstance(part, dict) and key in part]
