"""``corrie models``."""

from __future__ import annotations

from typing import Annotated

import typer

from corrie.cli.console import give


def models(as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """Models that corrie can fetch by itself; any Hugging Face name, folder or GGUF file works too."""
    from corrie.sources.pinned import pinned

    rows = pinned()["models"]
    if as_json:
        give({"models": rows})
        return
    give("\n".join(f"{row['name']}: {row['what']} ({row['licence']})" for row in rows))
