"""Commands that check what was given and nothing else.

For every parameter that is not a plain yes or no, given or not, typer makes a rule of pydantic's, and loading pydantic
takes as long as all else that ``corrie tasks`` does. The default of a parameter is right already.
"""

from __future__ import annotations

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
    """A command that runs at once where nothing is given and nothing is required."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The defaults, or what was given."""
        parameters = self.get_params(ctx)
        if args or any(one.required or one.callback for one in parameters if one.expose_value):
            return super().parse_args(ctx, args)
        ctx.params = {one.name: one.get_default(ctx) for one in parameters if one.expose_value}
        return args
