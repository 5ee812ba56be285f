"""The JSON files of a checkpoint, looked at before a library builds anything from them.

A library believes what they say: a number of labels becomes a dictionary of that length, a number of layers as many
modules, a padding length as much memory. So what is absurd is refused here, by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corrie.errors import ModelError
from corrie.records.own_file import own_file, own_object

MODEL_CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
_VOCABULARIES = ("vocab.json", "added_tokens.json", SETTINGS)

_MOST_BYTES = {MODEL_CONFIG: 2**24}
_ANY_FILE = 2**29
_ANY_NUMBER = 2**40
_ANY_SIZE = 2**28
_ANY_COUNT = 100_000
_FEW_LAYERS = 100
_LAYERS = re.compile(r"^(num_|n_)?(hidden_|encoder_|decoder_)?(layers?|blocks?)$")
_POSITIONS = ("max_position_embeddings", "n_positions")
_COUNT = re.compile(r"(^|_)(num|n)_|labels|layers|heads|experts")
_SIZE = re.compile(r"(size|dim|rank|inner|embd|d_model|width)$")
_NO_COUNT = re.compile(r"position|ctx|context|token|embedding|vocab|param|_ids?$|length|embd|inner|size|dim")

_LONG_NUMBER = re.compile(rb"""[:\[,{]\s*["-]?\d{8}""")
_REGEX = re.compile(rb'"Regex"\s*:')
_LONGEST_PATTERN = 20_000
_DEEPEST_PATTERN = 60
_MOST_REPEATS = 100_000
_MOST_TOKENS = 2**23
_REWRITES = (b'"Replace"', b'"ByteLevel"')
_FEW_REWRITES = 6
_LONG_PIECES = re.compile(rb'"(?:content|prepend)"\s*:\s*"[^"]{100}|"ids"\s*:\s*\[[^\]]{500}')
_FEW_PIECES = 20
_MOST_GROWTH = 10_000
_MOST_ADDED = 1_000


def check_regular(folder: Path) -> None:
    """Refuse a folder in which something is neither file nor folder: opening a pipe would wait for ever.

    Raises:
        ModelError: a pipe, a socket or a device is there; it is named.
    """
    odd = sorted(p.name for p in folder.iterdir() if p.exists() and not (p.is_file() or p.is_dir()))
    if odd:
        raise ModelError(f"model folder {folder}", found=f"{odd[0]} is no plain file", advice="a folder of plain files")


def read_object(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file of a model's folder.

    Raises:
        ModelError: no such file, a link out of the folder, too large, or no JSON object; the file is named.
    """
    return own_object(folder, name, f"model folder {folder}", most=_MOST_BYTES.get(name, _ANY_FILE))


def check_sizes(asked: str, config: dict[str, Any], tensors: int) -> None:
    """Hold the numbers of a configuration against what its weights can be.

    Args:
        asked: for messages.
        config: as config.json holds it.
        tensors: how many tensors the weights hold. Every layer has at least one.

    Raises:
        ModelError: a number of layers, labels, heads or experts, or a size, that is absurd; it is named.

    >>> check_sizes("model x", {"num_hidden_layers": 2_000_000}, tensors=21)
    Traceback (most recent call last):
    corrie.errors.ModelError: model x: config.json says num_hidden_layers is 2000000, and its weights hold 21 tensors
    """
    for key, number in _numbers(config):
        name = key.rpartition(".")[2]
        short = f"{number}" if abs(number) < 10**30 else "a number of more than 30 digits"
        if _LAYERS.search(name) and number > max(tensors, _FEW_LAYERS):
            raise ModelError(asked, found=f"config.json says {key} is {short}, and its weights hold {tensors} tensors")
        if name in _POSITIONS and number < 1:
            raise ModelError(asked, found=f"config.json says {key} is {short}", advice="the config.json of its authors")
        counts = _COUNT.search(name) and not _NO_COUNT.search(name)
        limit = _ANY_COUNT if counts else _ANY_SIZE if _SIZE.search(name) else _ANY_NUMBER
        if abs(number) > limit:
            raise ModelError(
                asked,
                found=f"config.json says {key} is {short}, which no model's is",
                advice="the config.json it was published with",
            )


def check_tokenizer(folder: Path) -> None:
    """Refuse a tokenizer whose expressions, numbers or steps would take the process down, or for ever, and not raise.

    Raises:
        ModelError: a pattern that is very long, deep or repeated, a length or token number that is absurd, or steps
            that make a text without end.
    """
    asked = f"model folder {folder}"
    for name in (TOKENIZER, *_VOCABULARIES):
        if not (folder / name).exists():
            continue
        file = own_file(folder, name, asked)
        text = file.read_bytes() if file.stat().st_size <= _ANY_FILE else b'"Regex":'
        long, patterns = _LONG_NUMBER.search(text), name == TOKENIZER and _REGEX.search(text)
        grows = name == TOKENIZER and (
            sum(map(text.count, _REWRITES)) > _FEW_REWRITES
            or text.count(b'"SpecialToken"') > _FEW_PIECES
            or _LONG_PIECES.search(text)
        )
        if not (long or patterns or grows):
            continue
        found = read_object(folder, name)
        for key, number in _numbers(found) if long else ():
            if abs(number) > _MOST_TOKENS and name != SETTINGS:
                raise ModelError(asked, found=f"{name} cannot be read ({key[:80]} is {str(number)[:40]})")
        for token in found.get("added_tokens_decoder", ()) if name == SETTINGS else ():
            if len(token) > 7:
                raise ModelError(asked, found=f"{name} cannot be read (a token of the number {token[:40]})")
        for pattern in _patterns({k: v for k, v in found.items() if k != "model"}) if patterns else ():
            odd = _odd(pattern)
            if odd:
                raise ModelError(asked, found=f"{name} cannot be read (a regular expression in it {odd})")
        if grows and (odd := _runaway(found)):
            raise ModelError(asked, found=f"{name} cannot be read ({odd})")


def _odd(pattern: str) -> str:
    """Why a regular expression is not handed to the engine, in words; nothing where it may be.

    >>> _odd(r"\\s+(?!\\S)|\\p{N}{1,3}"), _odd("(" * 100 + "a" + ")" * 100), _odd("(a{500}){500}")
    ('', 'is nested 100 deep', 'repeats up to 250,000 times')
    """
    if len(pattern) > _LONGEST_PATTERN:
        return f"is {len(pattern):,} characters long"
    depth = deepest = 0
    for sign in re.sub(r"\\.", "", pattern, flags=re.DOTALL):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    if deepest > _DEEPEST_PATTERN:
        return f"is nested {deepest} deep"
    pattern = re.sub(r"\\[xu]\{[0-9a-fA-F]*\}", "", pattern)  # a code point, no repetition
    times = 1
    for low, high in re.findall(r"\{(\d*),?(\d*)\}", pattern):
        ends = [e for e in (low, high) if e]
        if any(len(e) > 6 for e in ends):
            return "repeats more than a million times"
        times *= max([1, *map(int, ends)])
    return f"repeats up to {times:,} times" if times > _MOST_REPEATS else ""


def _runaway(tokenizer: dict[str, Any]) -> str:
    """Why a text would become far longer than it is, in words; nothing where it does not.

    Steps that rewrite a text multiply: forty that double every letter make 2⁴⁰ of one.

    >>> double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    >>> _runaway({"normalizer": {"type": "Sequence", "normalizers": [double] * 40}})
    'its normalizer may make a text 1.1e+12 times as long'
    >>> _runaway({"normalizer": double, "decoder": {"type": "ByteLevel"}})
    ''
    """
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        growth = 1.0
        for step in _steps(tokenizer.get(part)):
            growth = min(growth * _growth(step), 1e300)
        if growth > _MOST_GROWTH:
            return f"its {part} may make a text {growth:.1e} times as long"
    for step in _steps(tokenizer.get("post_processor")):
        pieces = sum(len(step[k]) for k in ("single", "pair") if isinstance(step.get(k), list | str))
        tokens = step.get("special_tokens")
        texts = [t.get("ids") for t in tokens.values() if isinstance(t, dict)] if isinstance(tokens, dict) else []
        added = pieces * max([1, *(len(ids) for ids in texts if isinstance(ids, list))])
        if added > _MOST_ADDED:
            return f"its post_processor may put {added:,} tokens around a text"
    return ""


def _growth(step: dict[str, Any]) -> float:
    """How many times as long a text may become by one step."""
    if step.get("type") == "ByteLevel":
        return 2.0
    content, pattern = step.get("content"), step.get("pattern")
    if step.get("type") != "Replace" or not isinstance(content, str) or not isinstance(pattern, dict):
        return 1.0
    text = pattern.get("String")
    return max(1.0, len(content) / len(text) if isinstance(text, str) and text else 1.0 + len(content))


def _steps(part: object) -> Iterator[dict[str, Any]]:
    """Each step of a part of a tokenizer, those of its sequences among them."""
    left = [part]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left.extend(one.get(k) for k in ("normalizers", "pretokenizers", "decoders", "processors"))
        elif isinstance(one, list):
            left.extend(one)


def _patterns(value: object) -> Iterator[str]:
    for key, one in _leaves(value):
        if key.rpartition(".")[2] in ("Regex", "pattern") and isinstance(one, str):
            yield one


def _numbers(value: object) -> Iterator[tuple[str, int]]:
    for key, one in _leaves(value):
        if isinstance(one, int) and not isinstance(one, bool):
            yield key, one


def _leaves(value: object) -> Iterator[tuple[str, object]]:
    """(dotted key, value) of everything in a JSON value that is no list and no object."""
    left: list[tuple[str, object]] = [("", value)]
    while left:
        key, one = left.pop()
        if isinstance(one, dict):
            left.extend((f"{key}.{k}" if key else str(k), v) for k, v in one.items())
        elif isinstance(one, list):
            left.extend((key, v) for v in one)
        else:
            yield key, one
