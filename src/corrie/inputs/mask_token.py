"""Which token masks."""

from __future__ import annotations

from corrie.errors import InputError
from corrie.inputs.untied import embedding_of
from corrie.models.model import Model


def mask_token(model: Model, asked: str | None = None) -> int:
    """The token that masks: the one asked for (its id, or a text of one token), or the tokenizer's mask, unknown,
    padding or end token, whichever it has first.

    Raises:
        InputError: no such token, or a text of several.
    """
    tokenizer = model.tokenizer
    rows = embedding_of(model.module).num_embeddings
    if asked is None:
        kinds = (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id)
        found = next((k for k in kinds if k is not None), None)
        if found is None:
            raise InputError("a mask token", found="the tokenizer has no special token", advice="--mask ID")
        return int(found)
    if asked.isdecimal():  # an id has at most some digits, and Python reads some thousand
        ids = [int(asked)] if len(asked) < 20 else [rows]
    else:
        if any("\ud800" <= c <= "\udfff" for c in asked):
            raise InputError(f"mask {asked[:80]!r}", found="it is no text in UTF-8", advice="the id of a token")
        ids = list(tokenizer(asked, add_special_tokens=False).input_ids)
    if len(ids) != 1 or not 0 <= ids[0] < rows:
        raise InputError(
            f"mask {asked[:80]!r}",
            found=f"{len(ids)} tokens" if len(ids) != 1 else f"the embedding has {rows} rows",
            advice="the id of a token, or a text of one token",
        )
    return ids[0]
