"""How many answers may be written at once: what a row of a batch takes, and what memory there is."""

from __future__ import annotations

from corrie.models.footprint import Footprint
from corrie.models.model import Model
from corrie.weights.selection import named_parameters

_SHARE = 0.5
"""Of the memory that is left after the scan's own copies, how much a batch may take."""


def rows_that_fit(model: Model, tokens: int) -> int | None:
    """Answers of so many tokens, prompt included, that may be written together; None where nobody knows.

    A row of T tokens keeps keys and values in every layer, 2·T·L·H·D numbers (L layers, H heads of them, D numbers
    each), holds what one layer makes of its prompt, and two rows of the vocabulary in float32. A device that holds a
    part of the model takes that part of a row; the scan's own copies (:mod:`corrie.models.footprint`) come first.

    >>> from corrie.testing.toy_models import toy_model
    >>> few, many = (rows_that_fit(toy_model(), tokens) for tokens in (8_000, 80))
    >>> few is None or few < many
    True
    """
    taken = footprint_of(model)
    weights = sum(share.weights for share in taken.shares.values())
    row, fits = row_bytes(model, tokens), []
    for share in taken.shares.values():
        if share.room is None:
            return None
        left = share.room - share.beside(model.draw, loaded=True)
        fits.append(_SHARE * left / (row * share.weights / weights))
    return max(int(min(fits)), 0)


def footprint_of(model: Model) -> Footprint:
    """What a model that is loaded takes, and what moving it would; the room is what is available beside it."""
    tensors = named_parameters(model.module)
    places = {name: tensor.device for name, tensor in tensors.items()}
    return Footprint.of(tensors, set(model.selection.tensors), next(iter(tensors.values())).dtype, places)


def row_bytes(model: Model, tokens: int) -> int:
    """What one row of so many tokens takes, in bytes."""
    config, number = model.text_config, next(model.module.parameters()).element_size()
    width, heads = int(config.hidden_size), int(getattr(config, "num_attention_heads", None) or 1)
    size = int(getattr(config, "head_dim", None) or width // heads)
    kept = int(getattr(config, "num_key_value_heads", None) or heads)
    inner = int(getattr(config, "intermediate_size", None) or 4 * width)
    keys_and_values = 2 * int(config.num_hidden_layers) * kept * size * number
    return tokens * (keys_and_values + (4 * width + 3 * inner) * number) + 8 * int(config.vocab_size)
