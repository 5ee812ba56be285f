"""What a command says that has scored a shard: a part says nothing of the whole, so nothing is read from it."""

from __future__ import annotations

from pathlib import Path

from corrie.cli.console import give, say


def tell_shard(shard: str, run: Path, *, whole: bool, as_json: bool) -> None:
    """Say where a shard's outcomes lie, and what comes next.

    Args:
        shard: which one, as it is written.
        run: the run that all shards will be.
        whole: whether everything in it is scored.
        as_json: print it as data.
    """
    from corrie.records.shard import Shard

    one = Shard.parse(shard)
    place = one.within(run)
    scored = "scored" if whole else "scored in part"
    give({"shard": str(one), "run": str(place), "complete": whole} if as_json else f"Shard {one} is {scored}: {place}")
    say(f"Next, when all {one.count} shards are scored: corrie merge {run}")
