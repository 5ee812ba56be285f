"""What each kind of direction is called, with a name and without."""

import pytest

from corrie.records.direction import Direction, Gaussian
from corrie.records.paths import Adapter, Difference, Quantised, Saved
from corrie.records.subspace import Coordinates, SubspaceNoise

A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("direction", "label", "axis", "way"),
    [
        (Gaussian(seed=3), "gaussian:3@philox-1", "gaussian:3", "along gaussian:3"),
        (Difference(base=A, tuned=B, tuned_name="chat"), "chat", "toward chat", "toward chat"),
        (Difference(base=A, tuned=B), f"difference:{A[:16]}..{B[:16]}@minus-1", "toward bbbbbbbb", "toward bbbbbbbb"),
        (Adapter(content=A, name="mine"), "mine", "mine", "along mine"),
        (Adapter(content=A), f"adapter:{A[:16]}@lora-1", f"adapter:{A[:16]}", f"along adapter:{A[:16]}"),
        (Quantised(bits=8), "quantised:int8/row@rtn-1", "quantised:int8/row", "along quantised:int8/row"),
        (Saved(content=A, name="w.safetensors"), "w.safetensors", "w.safetensors", "along w.safetensors"),
        (SubspaceNoise(subspace="full@1", seed=7), "noise:7/full@1@philox-1", "noise:7/full", "along noise:7/full"),
        (Coordinates(subspace="full@1", content=A, name="mine"), "mine", "mine", "along mine"),
    ],
)
def test_labels(direction: Direction, label: str, axis: str, way: str) -> None:
    assert (direction.label, direction.axis, direction.way) == (label, axis, way)
