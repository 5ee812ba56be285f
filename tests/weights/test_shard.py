"""What is said of tensors that are not sharded; tests/weights/two_processes.py has those that are."""

from __future__ import annotations

import torch

from corrie.weights.shard import Processes, PutTogether, cut_like, whole_tensor


def test_a_plain_tensor_is_its_own_whole() -> None:
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    assert whole_tensor(weight) is weight
    assert cut_like(weight, weight) is weight
    assert dict(PutTogether({"w": weight})) == {"w": weight}


def test_one_process_is_all_there_is() -> None:
    alone = Processes.of([torch.ones(2)])
    assert alone.mesh is None
    assert alone.share(torch.ones(2)) == 1.0
    assert alone.sums([1.5, 2.0]) == [1.5, 2.0]
