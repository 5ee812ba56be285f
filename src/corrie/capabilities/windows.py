"""Text cut into windows of about equal length, whatever tokenizer will read them.

A window has at most :data:`WINDOW_BYTES` bytes of UTF-8, some 20 to 35 tokens of English. Bytes, and not characters or
words: a character of Chinese is about as much to a tokenizer as three letters, and some languages put no space between
words.
"""

from __future__ import annotations

from collections.abc import Iterator

WINDOW_BYTES = 96
"""Most bytes of a window; the shortest one has half as many."""

MOST_WINDOWS = 40
"""Windows of one text: together about a thousand tokens."""


def windows(text: str) -> Iterator[str]:
    """The text from its beginning to its end, cut at white space where there is some in a window's second half.

    A rest that is shorter than half a window is left out, and so is a text that is shorter than a window.

    >>> [len(w) for w in windows("twelve bytes " * 20)]
    [90, 90, 77]
    >>> [len(w.encode()) for w in windows("没有空格的文字" * 10)]
    [96, 96]
    >>> list(windows("short"))
    []
    """
    text = text.strip()
    if _size(text[:WINDOW_BYTES]) < WINDOW_BYTES:
        return
    start = 0
    while _size(text[start : start + WINDOW_BYTES]) >= WINDOW_BYTES // 2:
        head = _first(text[start : start + WINDOW_BYTES])
        after = start + len(head)
        if after < len(text) and not text[after].isspace():
            head = _whole_words(head)
        if _size(head.strip()) >= WINDOW_BYTES // 2:
            yield head.strip()
        start += len(head)
        while start < len(text) and text[start].isspace():
            start += 1


def last_window(text: str) -> str:
    """The end of a text, at most a window of it, from the beginning of a word.

    >>> last_window("Question: " * 20 + "Where is it?")[:20], last_window("short")
    ('Question: Question: ', 'short')
    """
    backwards = text[: -WINDOW_BYTES - 2 : -1]
    tail = _first(backwards[:WINDOW_BYTES])
    if len(tail) < len(backwards) and not backwards[len(tail)].isspace():
        tail = _whole_words(tail)
    return tail[::-1].strip()


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _first(text: str) -> str:
    """The first whole characters of these that a window holds."""
    head = text
    while _size(head) > WINDOW_BYTES:
        head = head[: len(head) - max(1, (_size(head) - WINDOW_BYTES) // 4)]
    return head


def _whole_words(head: str) -> str:
    """Cut back to the last white space, unless that leaves less than half."""
    words = head.rstrip()
    cut = max((i for i, letter in enumerate(words) if letter.isspace()), default=0)
    return head[:cut] if _size(head[:cut]) >= WINDOW_BYTES // 2 else head
