"""Commands that check what was given and nothing else.

For every parameter that is not a plain yes or no, given or not, typer makes a rule of pydantic's, and loading pydantic
takes as long as all else that ``corrie tasks`` does. The default of a parameter is right already, and so is a word that
stands for a text or a place (``corrie show RUN``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperCommand


class LightHelp:
    """``--help`` that was not given is a plain no (without a default, even that would be checked by a rule)."""

    def get_help_option(self, ctx: Any) -> Any:
        """The option, with its default."""
        option = super().get_help_option(ctx)  # pyright: ignore[reportAttributeAccessIssue]
        if option is not None:
            option.default = False
        return option


class LightCommand(LightHelp, TyperCommand):
    """A command that runs at once where no option is given, and nothing required is missing."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The defaults and the words as they are, or whatever typer makes of what was given."""
        parameters = [one for one in self.get_params(ctx) if one.expose_value]
        places: list[Any] = [one for one in parameters if one.param_type_name == "argument"]
        given = {one.name: _plain(one, word) for one, word in zip(places, args, strict=False)}
        missing = any(one.callback or (one.required and one.name not in given) for one in parameters)
        if missing or None in given.values() or len(args) > len(places):
            return super().parse_args(ctx, args)
        ctx.params = {one.name: one.get_default(ctx) for one in parameters} | given
        return []


def _plain(place: Any, word: str) -> str | Path | None:
    """A word as a text or a place; None where it is an option, or a rule has to read it."""
    kind = place.type_descriptor.annotation
    if word.startswith("-") or place.nargs != 1 or kind not in (str, Path):
        return None
    return kind(word)
