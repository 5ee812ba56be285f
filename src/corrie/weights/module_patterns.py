"""The patterns by which PEFT names modules: ends of names in lists, regular expressions elsewhere.

A pattern comes out of a file, and a regular expression can be made to run for years. So only plain ones are matched:
short, no repeated group that repeats or chooses inside, and a letter between two repetitions without an end.
"""

from __future__ import annotations

import re

_LONGEST = 4000
"""Characters of a pattern."""

REPEATS = 8
"""Repetitions without an end in one pattern."""

_ENDING = r"(.*\.)?({})$"

_PIECE = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?:P<\w+>|P=\w+|[:=!]|<[=!]))?)|(?P<close>\))"
    r"|(?P<repeat>[*+?]|\{\d*,?\d*\})|(?P<choice>\|)|(?P<letter>[^\\\[\]()*+?{}|^$.])|(?P<other>.)",
    re.DOTALL,
)


def fault(pattern: str, *, ending: bool = False) -> str:
    """What is wrong with a pattern, in words; empty where it may be matched.

    Args:
        ending: it is for ends of names (:func:`fits`), so it stands within another.

    >>> fault(r"model\\.layers\\.\\d+\\..*(q|v)_proj"), fault("(")
    ('', 'no regular expression (missing ), unterminated subpattern at position 0)')
    >>> fault("(a+)+b"), fault(".*.*.*x")
    ('a repeated group that repeats or chooses inside', 'two repetitions without an end beside each other')
    """
    if len(pattern) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    tangle = _tangle(pattern)
    if tangle:
        return tangle
    try:
        re.compile(_ENDING.format(pattern) if ending else pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        return f"no regular expression ({problem})"
    return ""


def fits(pattern: str, module: str) -> bool:
    """Whether the whole of a name, or its end from a dot on, is what the pattern says: ``rank_pattern``,
    ``alpha_pattern``.

    >>> fits("q_proj", "model.layers.0.self_attn.q_proj"), fits("proj", "model.layers.0.self_attn.q_proj")
    (True, False)
    """
    return re.match(_ENDING.format(pattern), module) is not None


def named(names: str | list[str] | None, module: str) -> bool:
    """Whether a module is meant by ``target_modules`` or ``exclude_modules``: a regular expression for the whole name,
    or a list of names and ends of names.

    >>> named(["q_proj"], "model.layers.0.self_attn.q_proj"), named("q_proj", "model.layers.0.self_attn.q_proj")
    (True, False)
    """
    if names is None:
        return False
    if isinstance(names, str):
        return re.fullmatch(names, module) is not None
    return any(module == name or module.endswith(f".{name}") for name in names)


def in_layers(module: str, layers: list[int], containers: list[str]) -> bool:
    """Whether the first number in a module's name is one of ``layers_to_transform``.

    Args:
        containers: patterns of what holds the layers (``layers_pattern``); none: any name.

    >>> in_layers("model.layers.1.mlp.experts.0.up_proj", [1], []), in_layers("h.1.attn", [0], ["h"])
    (True, False)
    """
    found = [re.match(rf"(?:^|.*?\.){one}\.(\d+)\.", module) for one in containers]
    found = found or [re.match(r".*?\.[^.]*\.(\d+)\.", module)]
    number = next((match.groups()[-1] for match in found if match), None)
    return number is not None and int(number) in layers


def _tangle(pattern: str) -> str:
    """Why matching it could take long; empty where it cannot."""
    inside: list[bool] = []  # for each open group: does it repeat or choose inside?
    closed = False  # the group that ended just before, if one did: did it?
    repeats, separated, before = 0, True, ""
    for piece in _PIECE.finditer(pattern):
        kind, text = str(piece.lastgroup), piece.group()
        if kind == "open":
            inside.append(False)
            if text.startswith("(?P="):
                return "a reference back to a group"
        elif kind == "close" and inside:
            closed = inside.pop()
            if inside:
                inside[-1] = inside[-1] or closed
        elif kind == "escape" and text[1].isdigit():
            return "a reference back to a group"
        elif kind == "choice" and inside:
            inside[-1] = True
        elif kind == "repeat" and before == "repeat":
            pass  # lazy or possessive
        elif kind == "repeat":
            if any(len(number) > 2 for number in re.findall(r"\d+", text)):
                return "a count of more than 99"
            endless = text in ("*", "+") or text.endswith(",}")
            if before == "close" and closed and text != "?":
                return "a repeated group that repeats or chooses inside"
            if endless and not separated:
                return "two repetitions without an end beside each other"
            if endless:
                repeats, separated = repeats + 1, False
            if inside:
                inside[-1] = True
        if kind == "letter" or (kind == "escape" and not text[1].isalnum()):
            separated = True
        before = kind
    return f"more than {REPEATS} repetitions without an end" if repeats > REPEATS else ""
