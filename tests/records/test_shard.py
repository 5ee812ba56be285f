"""Shares of a plan: all of it, each thing once."""

from __future__ import annotations

from pathlib import Path

import pytest

from corrie.errors import InputError
from corrie.records.shard import Shard, parse_shard


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_shares_are_the_whole(count: int) -> None:
    whole = list(range(11))
    shares = [Shard(number, count).of(whole) for number in range(count)]
    assert sorted(thing for share in shares for thing in share) == whole
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_things_leave_a_share_as_it_was() -> None:
    assert list(Shard(1, 3).of(range(20)))[:3] == list(Shard(1, 3).of(range(10)))


def test_a_shard_is_read_and_written_alike() -> None:
    assert parse_shard(None) is None
    assert str(Shard.parse(" 2/5 ")) == "2/5"
    assert len({Shard(i, 4).within(Path("run")) for i in range(4)}) == 4


@pytest.mark.parametrize("text", ["", "1", "1/", "/2", "-1/2", "1/0", "4/4", "1/2/3", "1.0/2", "a/b", "1/" + "9" * 50])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="shard"):
        Shard.parse(text)
