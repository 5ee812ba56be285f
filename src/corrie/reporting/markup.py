"""HTML made of tags, in which text is text: what is not :class:`Markup` is escaped."""

from __future__ import annotations

from html import escape

from corrie.reporting.visible import visible

VOID = frozenset({"br", "meta"})
"""Elements that hold nothing and have no end tag."""


class Markup(str):
    """Text that is HTML already. Only :func:`tag` and literals of ours make it."""

    __slots__ = ()


def tag(element: str, /, *content: str, **attributes: str | int | bool) -> Markup:
    """An element. Content that is no markup is escaped, so are all attributes.

    A trailing underscore of an attribute's name is dropped (``class_``), other underscores become hyphens. An attribute
    that is False is left out; True has no value.

    >>> print(tag("p", "1 < 2 ", tag("b", "really"), class_="x", data_run=0, hidden=True))
    <p class="x" data-run="0" hidden>1 &lt; 2 <b>really</b></p>
    >>> print(tag("a", "</a><script>", href='"'))
    <a href="&quot;">&lt;/a&gt;&lt;script&gt;</a>
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value is not False)
    return Markup(f"<{element}{said}>" if element in VOID else f"<{element}{said}>{join(*content)}</{element}>")


def join(*content: str) -> Markup:
    """Several pieces one after another, escaped where they are no markup.

    >>> print(join(tag("i", "x"), "<"))
    <i>x</i>&lt;
    """
    return Markup("".join(piece if isinstance(piece, Markup) else escape(visible(piece)) for piece in content))


def _attribute(key: str, value: str | int | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"'
