"""Subspaces as records and as they are typed."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from corrie.errors import InputError, UnknownName
from corrie.records.canonical import canonical_json
from corrie.records.direction import Direction
from corrie.records.paths import Difference
from corrie.records.subspace import (
    AskedSubspace,
    Coordinates,
    FullSpace,
    RandomSpace,
    RowSpace,
    Span,
    Subspace,
    SubspaceNoise,
    parse_subspace,
)

WAY = Difference(base="a" * 64, tuned="b" * 64, tuned_name="tuned")
SPACES = (
    FullSpace(),
    FullSpace(scale="rms"),
    RowSpace(free="up", content="a" * 64, rank=1, layers=2, name="here"),
    RowSpace(free="core", content="a" * 64, rank=1, layers=2),
    Span(of=(WAY,)),
    RandomSpace(count=3),
    RandomSpace(count=3, seed=1),
)


def test_each_subspace_has_an_id_of_its_own_and_comes_back_from_its_text() -> None:
    assert len({s.id for s in SPACES}) == len(SPACES)
    reader: TypeAdapter[Subspace] = TypeAdapter(Subspace)
    assert tuple(reader.validate_json(s.canonical()) for s in SPACES) == SPACES


def test_a_name_is_no_part_of_the_id() -> None:
    assert SPACES[2].id == SPACES[2].model_copy(update={"name": "there"}).id


def test_noise_and_places_are_directions() -> None:
    reader: TypeAdapter[Direction] = TypeAdapter(Direction)
    for direction in (
        SubspaceNoise(subspace="full@1", seed=3, lattice=-20),
        Coordinates(subspace="full@1", content="c" * 64, name="adapter"),
    ):
        assert reader.validate_json(canonical_json(direction.model_dump(mode="json"))) == direction
    seeds = {SubspaceNoise(subspace="full@1", seed=3, lattice=e).id for e in (None, -20, -21)}
    assert len(seeds) == 3, "rounded noise is another direction"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("full", AskedSubspace("full")),
        ("full:rms", AskedSubspace("full", scale="rms")),
        ("adapter:q_proj:1", AskedSubspace("adapter", layers="q_proj", number=1)),
        ("adapter:q_proj+v_proj:2:seed7", AskedSubspace("adapter", layers="q_proj+v_proj", number=2, seed=7)),
        ("adapter:folder/of mine", AskedSubspace("adapter", places=("folder/of mine",))),
        ("core:all:1", AskedSubspace("core", layers="all", number=1)),
        ("core:protect.safetensors", AskedSubspace("core", places=("protect.safetensors",))),
        ("span:a,b", AskedSubspace("span", places=("a", "b"))),
        ("random:8:seed3", AskedSubspace("random", number=8, seed=3)),
    ],
)
def test_what_is_typed(text: str, asked: AskedSubspace) -> None:
    assert parse_subspace(text) == asked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("adapter:q_proj:0", "a subspace of dimension 0"),
        ("adapter:q_proj:-1", "a subspace of dimension 0"),
        ("core:all:0", "a subspace of dimension 0"),
        ("random:0", "a subspace of dimension 0"),
        ("random:257", "more than 256 directions"),
        ("random:many", "no number of directions"),
        ("random:--5", "no number of directions"),
        ("random:3:seed99999999999999999999", "too large"),
        ("adapter:q_proj:1:seed99999999999999999999", "too large"),
        ("adapter", "does not say which"),
        ("adapter:", "does not say which"),
        ("span:,", "a subspace of dimension 0"),
        ("full:max", "no scale"),
    ],
)
def test_what_cannot_be_meant(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_subspace(text)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'adapter:"):
        parse_subspace("adaptor:q_proj:1")
