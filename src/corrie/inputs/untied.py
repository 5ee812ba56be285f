"""A model with an output head of its own, where its embedding served as both.

In many models one tensor E is the input embedding (row t goes in for token t) and the output head (logits H = h Eᵀ).
Then a changed row also changes the logits of its token everywhere, and is no change of the input. With a copy of E as
the head, E is an input embedding alone; before anything moves the two models are the same function, bit for bit, since
they multiply by the same numbers.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from corrie.errors import ModelError
from corrie.models.load import from_module
from corrie.models.model import Model
from corrie.weights.selection import tensor_name

NOTE = "its output head is a copy of the input embedding, untied from it"


def embedding_of(module: nn.Module) -> nn.Embedding:
    """The module that turns token ids into vectors.

    Raises:
        ModelError: there is none, or none that looks up rows.
    """
    found: Any = getattr(module, "get_input_embeddings", lambda: None)()
    if not isinstance(found, nn.Embedding):
        raise ModelError(
            f"the input embedding of {type(module).__name__}",
            found="no table of rows",
            advice="a causal language model",
        )
    return found


def embedding_name(module: nn.Module) -> str:
    """The checkpoint name of the embedding's rows."""
    rows = embedding_of(module).weight
    return next(tensor_name(n) for n, p in module.named_parameters(remove_duplicate=False) if p is rows)


def tied_to_embedding(module: nn.Module) -> tuple[str, ...]:
    """The names of other parameters that are the embedding's numbers.

    >>> from corrie.testing.toy_models import toy_module
    >>> tied_to_embedding(toy_module(tied=True)), tied_to_embedding(toy_module(tied=False))
    (('lm_head.weight',), ())
    """
    rows, own = embedding_of(module).weight, embedding_name(module)
    named = module.named_parameters(remove_duplicate=False)
    names = {tensor_name(n) for n, p in named if p.data_ptr() == rows.data_ptr()}
    return tuple(sorted(names - {own}))


def untied(model: Model) -> Model:
    """The same function with a head of its own; a model that is not tied is returned as it is.

    It shares every other tensor with ``model``: while the weights of one are moved, those of the other are too.

    Raises:
        ModelError: the embedding is tied to something else than the output head.

    >>> from corrie.testing.toy_models import toy_model
    >>> model = toy_model(tied=True)
    >>> free = untied(model)
    >>> tied_to_embedding(free.module), free.identity.parameters - model.identity.parameters
    ((), 8448)
    """
    tied = tied_to_embedding(model.module)
    if not tied:
        return model
    rows = embedding_of(model.module).weight
    head: Any = getattr(model.module, "get_output_embeddings", lambda: None)()
    if len(tied) > 1 or head is None or getattr(head, "weight", None) is not rows:
        raise ModelError(
            f"untying {model.identity.name}",
            found=f"its embedding is also {', '.join(tied)}, which is not the output head alone",
            advice="another model",
        )
    shared = {id(t): t for t in (*model.module.parameters(), *model.module.buffers())}
    module: Any = copy.deepcopy(model.module, shared)
    module.get_output_embeddings().weight = nn.Parameter(rows.detach().clone(), requires_grad=rows.requires_grad)
    module.config.tie_word_embeddings = False
    return from_module(
        module,
        model.tokenizer,
        name=model.identity.name,
        selection=model.identity.selection,
        notes=(*model.identity.notes, NOTE),
    )
