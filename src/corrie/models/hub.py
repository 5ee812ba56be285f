"""A repository of the Hugging Face hub as a folder in the hub's own cache."""

from __future__ import annotations

from pathlib import Path

from corrie.errors import CorrieError, FetchError, ModelError, UnknownName
from corrie.records.foreign import first_words
from corrie.sources import embedded_models
from corrie.weights.tensor_files import ENDING, INDEX, SINGLE, named_by_index

_BESIDE = ["*.json", "tokenizer*", "*.jinja", "*.model", "*.txt"]
"""Settings and tokenizer: small, and needed before it is known which files hold the weights."""


def hub_folder(name: str) -> Path:
    """A snapshot of a repository: its settings, its tokenizer, and the safetensors files that its index names (or
    ``model.safetensors``). Nothing else is fetched: no pickles, no code, no second copy in another format.

    Raises:
        UnknownName: a name without an owner that the hub does not know either.
        FetchError: the hub did not give it.
        ModelError: there are no safetensors weights in it.
    """
    folder = _fetched(name, _BESIDE)
    shards = named_by_index(folder) if (folder / INDEX).is_file() else [SINGLE]
    folder = _fetched(name, [*_BESIDE, *shards])
    if (folder / "config.json").is_file() and not any(folder.glob(f"*{ENDING}")):
        raise ModelError(
            f"model {name}", found="no safetensors weights on the hub", advice="a repository that has them"
        )
    return folder


def _fetched(name: str, patterns: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except CorrieError:
        raise
    except Exception as problem:  # the hub's errors are of every kind
        if "/" not in name:
            raise UnknownName("model", name, [m.name for m in embedded_models()]) from problem
        raise FetchError(
            f"model {name}",
            found=f"the hub did not give it ({first_words(problem)})",
            advice="check the name and the network",
        ) from problem
