"""The help pages: every command under what a person wants, with an example; also as ``docs/commands.md``.

python -m corrie.cli.pages --to docs/commands.md
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from corrie.cli.light_command import LightHelp

GROUPS: dict[str, dict[str, str]] = {
    "Measure": {
        "scan": "corrie scan smollm2-135m-instruct -t knowledge:40 -t math:40 --to runs/smollm2",
        "plane": "corrie plane smollm2-135m-instruct -t knowledge:40 --alpha=-0.01:0.01:9",
        "worst": "corrie worst smollm2-135m-instruct -t knowledge:20 --distance 1 --out worst.safetensors",
        "merge": "corrie merge runs/smollm2",
    },
    "Compare": {
        "diff": "corrie diff smollm2-135m-instruct my-finetune/ -t knowledge -t code --quick",
        "retract": "corrie retract smollm2-135m-instruct my-finetune/ -t knowledge --out pulled-back/",
        "compare": "corrie compare runs/one runs/two",
    },
    "Guarantee": {
        "fraction": "corrie fraction smollm2-135m-instruct -t knowledge --sigma 0.003 --at-least 0.9 --confidence 0.9",
        "certify": "corrie certify smollm2-135m-instruct -t knowledge:50 --subspace adapter:q_proj:1 --sigma 0.4",
        "generalise": "corrie generalise BASE my-adapter/ -t task.jsonl --subspace adapter:my-adapter/ --sigma 0.4",
        "inputs": "corrie inputs smollm2-135m-instruct -t knowledge:20 --kernel absorbing:0.5",
        "verify": "corrie verify runs/smollm2-certificate/certificate-0123456789ab.json",
        "draw": "corrie draw certificate-0123456789ab.json my-adapter/ --count 16 --out drawn/",
    },
    "Train": {
        "widen": "corrie widen smollm2-135m-instruct --factor 2 --budget 20m --out wide/",
        "protect": "corrie protect smollm2-135m-instruct -t knowledge:50 --out protected/",
        "project": "corrie project my-adapter/ --certificate certificate-0123456789ab.json --out inside/",
    },
    "Look": {
        "show": "corrie show runs/smollm2",
        "report": "corrie report runs/smollm2 --out smollm2.html",
        "export": "corrie export runs/smollm2 --format csv --out scores.csv",
        "tasks": "corrie tasks",
        "models": "corrie models",
        "doctor": "corrie doctor",
    },
}
"""What a person wants → command → an example."""


class Grouped(LightHelp, TyperGroup):
    """A group of commands whose help lists them by what a person wants."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of :data:`GROUPS`."""
        return [name for commands in GROUPS.values() for name in commands]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A section for each group."""
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(n, self.commands[n].get_short_help_str(width)) for n in commands])


def example(command: str) -> str:
    """What stands below a command's help."""
    return f"Example: {next(group[command] for group in GROUPS.values() if command in group)}"


def page() -> str:
    """All help pages as one Markdown text."""
    import typer

    from corrie.cli.main import app

    group: Any = typer.main.get_command(app)
    whole = group.context_class(group, info_name="corrie", terminal_width=100, max_content_width=100)
    told = [
        "# Commands\n",
        "Made by `make commands` from the commands themselves. Every command that asks something of a model is a verb",
        "in Python too, with the same words: `corrie.scan(…)`, `corrie.certify(…)`; `corrie inputs` is",
        "`corrie.certify_inputs(…)`.\n",
    ]
    for title, commands in GROUPS.items():
        told.append(f"## {title}\n")
        for name, line in commands.items():
            command = group.commands[name]
            context = command.context_class(command, info_name=f"corrie {name}", parent=None)
            context.terminal_width = context.max_content_width = whole.terminal_width
            shown = "\n".join(text.rstrip() for text in command.get_help(context).splitlines())
            told += [f"### corrie {name}\n", f"```\n{line}\n```\n", f"```\n{shown}\n```\n"]
    return "\n".join(told)


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True)
    parser.parse_args().to.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
