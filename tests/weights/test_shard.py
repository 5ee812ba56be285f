"""Sharded tensors: spans in one process, everything else in two real ones over gloo."""

from __future__ import annotations

import torch

from corrie.weights.shard import (
    Processes,
    PutTogether,
    Stretch,
    cut_like,
    is_sharded,
    local_part,
    span_of,
    whole_tensor,
)


def test_a_plain_tensor_is_its_own_only_part() -> None:
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    assert not is_sharded(weight)
    assert span_of(weight) == Stretch(0, 6, 6)
    assert local_part(weight).data_ptr() == weight.data_ptr()
    assert not local_part(weight).requires_grad
    assert whole_tensor(weight) is weight
    assert cut_like(weight, weight) is weight
    assert dict(PutTogether({"w": weight})) == {"w": weight}


def test_one_process_is_all_there_is() -> None:
    alone = Processes.of([torch.ones(2)])
    assert alone.mesh is None
    assert alone.share(torch.ones(2)) == 1.0
    assert alone.sums([1.5, 2.0]) == [1.5, 2.0]
