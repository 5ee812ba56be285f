"""How far the nearest other token is: what a change of the vectors is measured by."""

from __future__ import annotations

import torch

from corrie.inputs.prompts import Prompts
from corrie.inputs.untied import embedding_of
from corrie.models.model import Model


@torch.no_grad()
def nearest_token(model: Model, prompts: Prompts) -> float:
    """The median distance, in L2, from an own token's vector to the nearest other row of the table."""
    embedding = embedding_of(model.module)
    every = torch.arange(embedding.num_embeddings, device=embedding.weight.device)
    table = embedding(every).float()
    own = torch.tensor([t for i in range(len(prompts.ids)) for t in prompts.own(i)], device=every.device)
    distinct, place = own.unique(return_inverse=True)
    parts = []
    for part in distinct.split(64):
        distance = torch.cdist(table[part], table)
        distance.scatter_(1, part[:, None], torch.inf)
        parts.append(distance.amin(dim=1))
    return float(torch.cat(parts)[place].median())
