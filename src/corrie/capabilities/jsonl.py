"""A user's own benchmark: one JSON object a line.

::

    {"prompt": "The capital of France is", "choices": ["Paris", "Rome"], "answer": 0}      choice (index or text)
    {"prompt": "The capital of France is", "answer": "Paris"}                              likelihood
    {"prompt": "What is 6 × 7?", "answer": "42", "check": "number", "max_tokens": 20}      generate and check
    {"text": "It was the best of times, it was the worst of times."}                       text

Every line may have an ``id`` (default: its line number). All lines are of one kind. Between prompt and answer goes
one space, unless either has white space there already, or ``join`` says otherwise (``"join": ""`` for languages
written without spaces). For generate-and-check give ``"generate": true`` or a ``check`` (``exact``, ``contains``,
``number``, ``regex``; default ``exact``), and ``max_tokens`` (default 64), the same on all lines. Their laws are in
:mod:`corrie.capabilities.checks`; a ``regex`` is searched in linear time, so it may not refer back to what it matched.

Choices must still differ once they stand behind the prompt. Numbers must be finite. A file is a regular one of at most
256 MiB.
"""

from __future__ import annotations

import difflib
import json
import math
import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from corrie.capabilities.checks import CheckKind
from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.framing import Framing
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.linear_search import LinearSearch
from corrie.capabilities.order import fixed_order
from corrie.capabilities.quantity import final_quantity
from corrie.capabilities.task import Task
from corrie.capabilities.text import TextTask
from corrie.errors import InputError, TaskError
from corrie.records.plain_file import read_plain

_Kind = Literal["choice", "likelihood", "generate", "text"]

_KEYS: dict[_Kind, tuple[set[str], set[str]]] = {
    "choice": ({"prompt", "choices", "answer"}, {"id", "join"}),
    "likelihood": ({"prompt", "answer"}, {"id", "join"}),
    "generate": ({"prompt", "answer"}, {"id", "generate", "check", "max_tokens"}),
    "text": ({"text"}, {"id"}),
}
"""Keys that a line of each kind must have, and may have."""

_ALL_KEYS = sorted(set().union(*(must | may for must, may in _KEYS.values())))
_MAX_TOKENS = 64
_MOST_TOKENS = 1_000_000
_BYTES = 256 * 2**20
_NAME = 100
"""Most characters of a key or value that an error repeats."""


def jsonl_task(file: Path | str, *, chat: bool = False) -> Task:
    """The task in a file, named after it (``facts.jsonl`` → ``facts``).

    Raises:
        InputError: no such file, or zero examples in it.
        TaskError: a line that cannot be understood; the message names file and line.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "capitals.jsonl"
    >>> _ = file.write_text('{"prompt": "The capital of France is", "choices": ["Paris", "Rome"], "answer": "Paris"}')
    >>> print(jsonl_task(file))
    capitals: capitals by choice on 1 examples of capitals.jsonl; chance 0.5
    """
    file = Path(file)
    _check_name(file)
    lines = [_Line(file, number, data) for number, data in _objects(file)]
    if not lines:
        raise InputError(f"task file {file}", found="zero examples in it", advice="one JSON object a line")
    kind = lines[0].kind
    for line in lines:
        line.check_keys(kind, first=lines[0].number)
    _check_ids(lines)
    about: dict[str, Any] = {"capability": file.stem, "source": file.name, "chat": chat}
    match kind:
        case "choice":
            return ChoiceTask(file.stem, _shuffled([line.choice(Framing(chat)) for line in lines]), **about)
        case "likelihood":
            return LikelihoodTask(file.stem, _shuffled([line.target() for line in lines]), **about)
        case "text":
            return TextTask(file.stem, _shuffled([line.running_text() for line in lines]), **about)
        case "generate":
            check, max_tokens = _one_way_to_check(lines)
            requests = _shuffled([line.request(check) for line in lines])
            return GenerateTask(file.stem, requests, check=check, max_tokens=max_tokens, **about)


def _shuffled(examples: list) -> list:
    return fixed_order(examples, salt="jsonl")


def _objects(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of every line that is not blank."""
    asked, advice = f"task file {file}", f"the path of a JSONL file of at most {_BYTES // 2**20} MiB"
    try:
        content = read_plain(file, asked, most=_BYTES, error=InputError, advice=advice).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise TaskError(asked, found=f"it is not UTF-8 ({problem})", advice="UTF-8 text") from None
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, _object(file, number, line)


def _object(file: Path, number: int, line: str) -> dict[str, Any]:
    asked = f"{file}:{number}"
    try:
        data = json.loads(
            line,
            object_pairs_hook=lambda pairs: _unique(asked, pairs),
            parse_constant=lambda name: _no_number(asked, name),
            parse_float=lambda digits: _finite(asked, digits),
        )
        whole = json.dumps(data, ensure_ascii=False)
    except json.JSONDecodeError as problem:
        raise TaskError(
            asked, found=f"not JSON ({problem.msg}, column {problem.colno})", advice="one JSON object a line"
        ) from None
    except RecursionError:
        raise TaskError(asked, found="JSON nested too deeply", advice="one flat JSON object a line") from None
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise TaskError(
            asked, found="a number with thousands of digits", advice='it as text: "answer": "1234…"'
        ) from None
    if not isinstance(data, dict):
        raise TaskError(asked, found="JSON, but not an object", advice='{"prompt": "…", "answer": "…"}')
    try:
        whole.encode("utf-8")
    except UnicodeEncodeError:
        raise TaskError(asked, found="half a character (a lone surrogate)", advice="whole characters") from None
    return data


def _check_name(file: Path) -> None:
    """A task is named after its file, and a name is text."""
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"task file {str(file)!r}", found="a name that is not UTF-8", advice="another name") from None
    if "\0" in str(file):
        raise InputError(f"task file {str(file)!r}", found="a NUL in its name", advice="another name")


def _no_number(asked: str, name: str) -> Any:
    raise TaskError(asked, found=f"{name}, which is no number and not JSON", advice=f'it as text: "{name}"')


def _finite(asked: str, digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise TaskError(asked, found=f"{_shown(digits)}, which is too large for a number", advice="it as text")
    return value


def _shown(value: object) -> str:
    """A value as an error repeats it: whole, unless that would fill the screen."""
    short = reprlib.Repr()
    short.maxstring = short.maxlong = short.maxother = _NAME
    return short.repr(value)


def _unique(asked: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise TaskError(asked, found="one key twice", advice="each key once")
    return data


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file: its keys checked, its values turned into an example."""

    file: Path
    number: int
    data: dict[str, Any]

    @property
    def kind(self) -> _Kind:
        if "text" in self.data:
            return "text"
        if "choices" in self.data:
            return "choice"
        return "generate" if self.data.get("generate") or "check" in self.data else "likelihood"

    @property
    def id(self) -> str:
        value = self.data.get("id", self.number)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise self.error(f"an id that is neither text nor a whole number: {_shown(value)}", '"id": "q1"')
        return str(value)

    def check_keys(self, kind: _Kind, first: int) -> None:
        for key in self.data:
            if key not in _ALL_KEYS:
                near = difflib.get_close_matches(key[:_NAME], _ALL_KEYS, n=1, cutoff=0.5)
                raise self.error(
                    f"unknown key {_shown(key)}", f"{near[0]!r}" if near else f"one of {', '.join(_ALL_KEYS)}"
                )
        if self.kind != kind:
            raise self.error(
                f"a line of kind {self.kind} in a file whose line {first} is of kind {kind}", "one file for each kind"
            )
        must, may = _KEYS[kind]
        for key in sorted(must - self.data.keys()):
            raise self.error(f"no {key!r}, which a line of kind {kind} needs", f'"{key}": …')
        for key in sorted(self.data.keys() - must - may):
            raise self.error(f"{key!r} on a line of kind {kind}", f"only {', '.join(sorted(must | may))}")

    def choice(self, framing: Framing) -> Choice:
        options = self.data["choices"]
        if not isinstance(options, list) or len(options) < 2 or not all(isinstance(o, str) and o for o in options):
            raise self.error("'choices' is not a list of two texts or more", '"choices": ["Paris", "Rome"]')
        if len(set(options)) < len(options):
            raise self.error("the same choice twice", "choices that differ")
        prompt = self._text("prompt")
        joined = [self._joined(prompt, o) for o in options]
        if len({framing.continuation(j) for j in joined}) < len(joined):
            raise self.error(
                "two choices that are the same once they stand behind the prompt",
                'choices that differ in more than a leading space, or "join": "" without --chat',
            )
        return Choice(
            self.id, tuple(Option(prompt, j, o) for j, o in zip(joined, options, strict=True)), self._gold(options)
        )

    def _gold(self, options: Sequence[str]) -> int:
        answer = self.data["answer"]
        if isinstance(answer, str) and answer in options:
            return options.index(answer)
        if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(options):
            return answer
        raise self.error(
            f"the answer {_shown(answer)} is none of the {len(options)} choices",
            f"one of their texts, or an index from 0 to {len(options) - 1}",
        )

    def target(self) -> Target:
        prompt = self._text("prompt")
        return Target(self.id, prompt, self._joined(prompt, self._text("answer")))

    def running_text(self) -> Target:
        return Target(self.id, "", self._text("text"))

    def request(self, check: CheckKind) -> Request:
        answer = self._text("answer")
        if check == "regex":
            try:
                LinearSearch(answer)
            except InputError as problem:
                found = f"the answer is no regular expression that can be searched ({problem.found})"
                raise self.error(found, r'"answer": "\\b42\\b"') from None
        if check == "number" and final_quantity(answer) is None:
            raise self.error(f"the answer {_shown(answer)} is no number", '"answer": "42"')
        return Request(self.id, self._text("prompt"), answer)

    def check(self) -> tuple[CheckKind, int]:
        """How what is written is checked, and how much is written."""
        check, tokens = self.data.get("check", "exact"), self.data.get("max_tokens", _MAX_TOKENS)
        if check not in get_args(CheckKind):
            raise self.error(f"no check named {_shown(check)}", " or ".join(get_args(CheckKind)))
        if isinstance(tokens, bool) or not isinstance(tokens, int) or not 1 <= tokens <= _MOST_TOKENS:
            raise self.error(f"max_tokens is {_shown(tokens)}", f"a whole number from 1 to {_MOST_TOKENS:,}")
        if self.data.get("generate", True) is not True:
            raise self.error(
                f"generate is {_shown(self.data['generate'])} beside a check", '"generate": true, or no check'
            )
        return check, tokens

    def _text(self, key: str) -> str:
        value = self.data[key]
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = json.dumps(value)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key!r} is no text", f'"{key}": "…"')
        return value

    def _joined(self, prompt: str, answer: str) -> str:
        join = self.data.get("join")
        if join is None:
            join = "" if prompt[-1].isspace() or answer[0].isspace() else " "
        if not isinstance(join, str):
            raise self.error("'join' is no text", '"join": " "')
        return join + answer

    def error(self, found: str, advice: str) -> TaskError:
        return TaskError(f"{self.file}:{self.number}", found=found, advice=advice)


def _check_ids(lines: Sequence[_Line]) -> None:
    seen: dict[str, int] = {}
    for line in lines:
        if line.id in seen:
            raise line.error(
                f"the id {_shown(line.id)}, which line {seen[line.id]} has too", "an id of its own for each line"
            )
        seen[line.id] = line.number


def _one_way_to_check(lines: Sequence[_Line]) -> tuple[CheckKind, int]:
    wanted = lines[0].check()
    for line in lines:
        if line.check() != wanted:
            raise line.error(
                f"check and max_tokens differ from those of line {lines[0].number}", "the same on every line"
            )
    return wanted
