"""Damage to files: values of JSON, bytes, headers of safetensors, and files that are no files.

Each kind of damage takes a file in a folder of its own and dice of its own; it says in a few words what it did.
"""

# ruff: noqa: E501 (tables of odd values read better in long lines)

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Dice(random.Random):
    """Those of one case. Its number serves where cases are taken from a table, one after the other."""

    def __init__(self, subject: str, number: int) -> None:
        super().__init__(f"{subject}:{number}")
        self.number = number


Damage = Callable[[Path, Dice], str]

DEEP = "@@deep@@"
ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3, 7, 255, 2**31, 2**63, 10**9, 10**30, -(10**9), 0.5, -0.5, 1e-300, 1e308, float("nan"),
    float("inf"), float("-inf"), "", "0", "1e9", "none", "x" * 100_000, "\x00", "\ud800", "\u202e\x1b[31m", "../../etc/passwd",
    "=1+1", [], {}, [[]], [None], [1, 2, 3], {"a": 1}, {"type": "linear"}, DEEP, [0] * 1000, "float8_e4m3fn", "(a+)+$", "(",
)  # fmt: skip
"""What a value of JSON becomes."""


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree of JSON, at most 60 of each list or object (a vocabulary is not a tree)."""
    found = [at] if at else []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys[:60]:
            found += places(value[key], (*at, key))
    return found


def write_json(value: Any) -> str:
    """JSON with NaN, infinities, lone surrogates and nesting that no parser likes."""
    return json.dumps(value).replace(f'"{DEEP}"', "[" * 20_000 + "]" * 20_000)


def mutate(value: Any, dice: random.Random) -> tuple[Any, str]:
    """A tree with one value replaced, removed, moved or added."""
    spots = places(value)
    if not spots:
        return dice.choice(ODD), "the whole of it is another value"
    depth = dice.randint(1, max(map(len, spots)))  # as often at the top as below
    spot = dice.choice([s for s in spots if len(s) <= depth])
    parent = value
    for key in spot[:-1]:
        parent = parent[key]
    way = dice.choice(["odd", "odd", "odd", "odd", "remove", "swap", "add", "wrap", "more"])
    old, name = parent[spot[-1]], ".".join(map(str, spot))
    if way == "remove":
        del parent[spot[-1]]
        return value, f"{name} removed"
    if way == "swap":
        other = dice.choice(spots)
        found = value
        for key in other:
            found = found[key]
        parent[spot[-1]] = json.loads(json.dumps(found))
        return value, f"{name} = that of {'.'.join(map(str, other))}"
    if way == "add" and isinstance(parent, dict):
        key = dice.choice(
            [
                "auto_map",
                "quantization_config",
                "torch_dtype",
                "dtype",
                "attn_implementation",
                "zz",
                "rope_scaling",
                "id",
            ]
        )
        parent[key] = dice.choice(ODD)
        return value, f"{key} added at {name}: {str(parent[key])[:30]!r}"
    if way == "wrap":
        parent[spot[-1]] = [old]
        return value, f"{name} in a list"
    if way == "more" and isinstance(old, int | float) and not isinstance(old, bool):
        parent[spot[-1]] = dice.choice([old + 1, old * 2, old - 1, -old, float(old), old * 1000, str(old), old / 2])
        return value, f"{name} = {parent[spot[-1]]!r}"
    parent[spot[-1]] = dice.choice(ODD)
    return value, f"{name} = {str(parent[spot[-1]])[:40]!r}"


def values(file: Path, dice: random.Random) -> str:
    """One value of a JSON file (or of one line of JSON lines)."""
    text = file.read_text("utf-8")
    lines = file.suffix == ".jsonl"
    pieces = text.splitlines() if lines else [text]
    number = dice.randrange(len(pieces))
    changed, what = mutate(json.loads(pieces[number]), dice)
    pieces[number] = write_json(changed)
    if dice.random() < 0.05 and isinstance(changed, dict) and changed:
        key = dice.choice(list(changed))
        pieces[number] = "{" + json.dumps(key) + ": " + write_json(dice.choice(ODD)) + ", " + pieces[number][1:]
        what += f"; {key} twice"
    file.write_text("\n".join(pieces) + ("\n" if lines else ""), "utf-8")
    return f"{file.name}: {what}"


def octets(file: Path, dice: random.Random) -> str:
    """Bits, bytes, the end or all of a file."""
    data = bytearray(file.read_bytes())
    way = dice.choice(["bits", "bits", "bytes", "cut", "empty", "insert", "twice", "zeros", "head"])
    near = min(len(data), dice.choice([64, 4000, len(data)]))
    if way == "bits":
        for _ in range(dice.choice([1, 1, 8])):
            data[dice.randrange(near)] ^= 1 << dice.randrange(8)
    elif way == "bytes":
        for _ in range(dice.choice([1, 3, 20])):
            data[dice.randrange(near)] = dice.randrange(256)
    elif way == "cut":
        del data[dice.randrange(len(data)) :]
    elif way == "empty":
        data.clear()
    elif way == "insert":
        at = dice.randrange(near)
        data[at:at] = dice.choice([b"\x00", b"\xff" * 9, b"{" * 9, b"\xef\xbb\xbf", b"[" * 50_000])
    elif way == "twice":
        data = data * 2
    elif way == "zeros":
        at = dice.randrange(near)
        data[at : at + 64] = bytes(len(data[at : at + 64]))
    else:
        data[:8] = struct.pack("<Q", dice.choice([0, 1, 2**31, 2**40, 2**63, 2**64 - 1, len(data)]))
    file.write_bytes(bytes(data))
    return f"{file.name}: {way}"


def words(file: Path, dice: random.Random) -> str:
    """Numbers of eight or four bytes in a binary head: lengths, counts, offsets."""
    data = bytearray(file.read_bytes())
    for _ in range(dice.choice([1, 1, 2])):
        size = dice.choice([4, 8])
        at = dice.randrange(0, min(len(data) - 8, dice.choice([32, 600, 4000])))
        big = dice.choice(
            [0, 1, 3, 9, 2**16, 2**31, 2**32 - 1, *([2**40, 2**62, 2**63, 2**64 - 1] if size == 8 else [])]
        )
        data[at : at + size] = big.to_bytes(size, "little")
    file.write_bytes(bytes(data))
    return f"{file.name}: a length at {at} = {big}"


def header(file: Path, dice: random.Random) -> str:
    """The header of a safetensors file, its length made to fit; or numbers that are none."""
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    said, body = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    if dice.random() < 0.3:
        at = dice.randrange(len(body) // 4) * 4
        number = dice.choice([float("nan"), float("inf"), 1e10, -1e10, 1e-40])
        body[at : at + 4] = struct.pack("<f", number)
        what = f"a weight = {number}"
    elif dice.random() < 0.3:
        name = dice.choice([n for n in said if n != "__metadata__"])
        kind = dice.choice(["F16", "BF16", "I8", "U8", "BOOL", "F8_E4M3", "I64", "F64", "I32", "C64"])
        said[name]["dtype"] = kind
        what = f"{name} is {kind}"
    else:
        said, what = mutate(said, dice)
    text = write_json(said).encode("utf-8")
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(body))
    return f"{file.name}: {what[:100]}"


def no_file(file: Path, dice: random.Random) -> str:
    """A file that is missing, a folder, a pipe, a device, a link in a circle."""
    file.unlink()
    way = dice.choice(["missing", "folder", "pipe", "device", "circle", "unreadable"])
    if way == "folder":
        file.mkdir()
    elif way == "pipe":
        os.mkfifo(file)
    elif way == "device":
        file.symlink_to("/dev/zero")
    elif way == "circle":
        file.symlink_to(file.name)
    elif way == "unreadable":
        file.symlink_to("/proc/self/mem")
    return f"{file.name}: {way}"
