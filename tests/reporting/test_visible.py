# ruff: noqa: E501
import io
import unicodedata
from pathlib import Path

import pytest

from corrie.reporting.markup import tag
from corrie.reporting.visible import ERRORS, STEERING, spelt, visible


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_every_character_can_be_printed(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=ERRORS)
    stream.write("σ ≤ 0.01, α × θ …" + "".join(map(chr, range(0x20, 0x3000))) + "\ud800")
    stream.flush()
    if encoding == "ascii":
        assert stream.buffer.getvalue().startswith(b"sigma <= 0.01, alpha x theta ...")


def test_marks_of_our_own_sources_are_spelt_as_words() -> None:
    """No mark that we print is told by its number."""
    folder = Path(__file__).parents[2] / "src/corrie"
    marks = {
        c for kind in ("cli", "analysis", "records") for f in (folder / kind).glob("*.py") for c in f.read_text("utf-8")
    }
    unknown = {c for c in marks if ord(c) > 127 and spelt(c).startswith("\\")}
    assert unknown <= set("\u0304"), unknown


def test_what_steers_is_what_unicode_calls_so() -> None:
    every = map(chr, range(0x10000))
    steers = {c for c in every if c not in "\t\n" and (
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(c) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    )}  # fmt: skip
    assert all(STEERING.match(c) for c in steers)
    assert not any(STEERING.search(c) for c in "abc σ é 語 \t\n")
    assert visible("".join(sorted(steers))).isprintable()


def test_markup_shows_what_it_cannot_hold() -> None:
    assert str(tag("p", "\x1b[31m\u202e\x00")) == r"<p>\x1b[31m\u202e\x00</p>"
