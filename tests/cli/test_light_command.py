"""What nobody gave is what the command's own signature says; what was given is checked as ever."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from corrie.cli.light_command import LightCommand


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 0, "0.5 [] None False"),
        (["--share", "0.25", "--name", "a", "--name", "b"], 0, "0.25 ['a', 'b'] None False"),
        (["3", "--flag"], 0, "0.5 [] 3 True"),
        (["--share", "much"], 2, None),
        (["--none-such"], 2, None),
        (["--help"], 0, None),
    ],
)
def test_optional_parameters(words: list[str], code: int, said: str | None) -> None:
    app = typer.Typer(rich_markup_mode=None)

    @app.command(cls=LightCommand)
    def command(
        count: Annotated[int | None, typer.Argument()] = None,
        share: Annotated[float, typer.Option()] = 0.5,
        name: Annotated[list[str], typer.Option()] = [],  # noqa: B006
        flag: Annotated[bool, typer.Option("--flag")] = False,
    ) -> None:
        print(share, name, count, flag)  # noqa: T201

    found = CliRunner().invoke(app, words)
    assert found.exit_code == code
    if said is not None:
        assert found.output.strip() == said


@pytest.mark.parametrize(("words", "code"), [([], 2), (["one"], 0)])
def test_what_is_required_is_asked_for(words: list[str], code: int) -> None:
    app = typer.Typer(rich_markup_mode=None)
    given: list[str] = []

    @app.command(cls=LightCommand)
    def command(name: str) -> None:
        given.append(name)

    assert CliRunner().invoke(app, words).exit_code == code
    assert given == words
