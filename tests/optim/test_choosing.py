"""Tensors by name."""

from __future__ import annotations

import pytest
from torch import nn

from corrie.errors import InputError
from corrie.optim import choose


def test_patterns_and_exclusions():
    model = nn.ModuleDict({"attention": nn.Linear(2, 2), "norm": nn.LayerNorm(2)})
    names = {id(p): name for name, p in model.named_parameters()}

    def chosen(*include: str, exclude: tuple[str, ...] = ()) -> list[str]:
        return [names[id(p)] for p in choose(model, *include, exclude=exclude)]

    assert chosen("*") == ["attention.weight", "attention.bias", "norm.weight", "norm.bias"]
    assert chosen("*.weight", exclude=("norm*",)) == ["attention.weight"]
    assert chosen("norm.bias", "attention.bias") == ["attention.bias", "norm.bias"]  # the model's order


def test_tied_parameters_come_once():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    assert len(choose(model, "*")) == 1


@pytest.mark.parametrize("include", [("*.wieght",), ("*", "nothing"), ()])
def test_a_pattern_without_a_match_is_refused(include: tuple[str, ...]):
    with pytest.raises(InputError, match="no parameter of Linear has such a name"):
        choose(nn.Linear(2, 2), *include)


def test_nothing_left():
    with pytest.raises(InputError, match="nothing is left"):
        choose(nn.Linear(2, 2), "*", exclude=["*"])
