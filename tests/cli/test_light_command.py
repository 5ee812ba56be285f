"""What nobody gave is what the command's own signature says; what was given is checked as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
import typer.core
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


@pytest.mark.parametrize("words", [["a"], ["a", "b"], ["a", "--", "-b"], ["a", "b", "c"], ["-x"], ["--flag", "a"]])
def test_words_are_what_typer_makes_of_them(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a rule where each stands for a text or a place, with one elsewhere."""
    app = typer.Typer(rich_markup_mode=None)
    found: list[tuple[object, ...]] = []

    @app.command(cls=LightCommand)
    def light(run: Path, name: Annotated[str, typer.Argument()] = "none", flag: bool = False) -> None:
        found.append((run, name, flag))

    slow = typer.Typer(rich_markup_mode=None)
    slow.command()(light)
    ends = [CliRunner().invoke(one, words).exit_code for one in (app, slow)]
    assert ends[0] == ends[1]
    assert len(set(found)) == (ends[0] == 0)
    if words[0] == "a" and len(words) == 2:
        monkeypatch.setattr(typer.core.TyperCommand, "parse_args", lambda *asked: pytest.fail("no rule is needed"))
        assert CliRunner().invoke(app, words).exit_code == 0
