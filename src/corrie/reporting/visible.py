"""Names come from strangers: what would steer a terminal, turn a line around or break an XML file is shown instead.

Also how a mark is spelt where it cannot be printed: σ is sigma on a terminal that knows ASCII alone.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\uffff]"
)
"""Control characters but tab and line feed, marks of direction and of no width, halves of a pair, no characters."""

SPELT = {
    "α": "alpha", "β": "beta", "δ": "delta", "ε": "epsilon", "θ": "theta", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "Δ": "Delta", "Σ": "Sigma", "Φ": "Phi", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "√": "sqrt",
    "∞": "inf", "×": "x", "·": "*", "÷": "/", "±": "+-", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "←": "<-",
    "∈": "in", "∪": "or", "∩": "and", "∀": "for all", "‖": "||", "²": "^2", "³": "^3", "⁻": "^-", "₀": "0", "₁": "1",
    "₂": "2", "½": "1/2", "°": " degrees", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "•": "*", "§": "section ",
    "─": "-", "━": "-", "│": "|", "┃": "|", "╸": "-", "╺": "-", "┼": "+", "├": "+", "┤": "+", "┬": "+", "┴": "+",
    "φ": "phi", "γ": "gamma", "λ": "lambda", "μ": "mu", "↦": "->", "∎": "q.e.d.", "≡": "=", "⟨": "<", "⟩": ">",
    "∑": "sum",
    "┌": "+", "┐": "+", "└": "+", "┘": "+", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "█": "#", "░": ".", "\xa0": " ",
}  # fmt: skip
"""Our marks in ASCII."""

ERRORS = "corrie-spelt"
"""Name of the error handler for streams (:func:`codecs.register_error`): what cannot be printed is spelt."""


def visible(text: str) -> str:
    r"""Text in which nothing is hidden: control and bidirectional characters are shown by their number.

    >>> print(visible("a\x1b[31mred\u202e"))
    a\x1b[31mred\u202e
    >>> visible("line\n\tσ ≤ 1")
    'line\n\tσ ≤ 1'
    """
    return STEERING.sub(lambda found: _number(found[0]), text)


def spelt(character: str) -> str:
    r"""One character in ASCII: its word, its letter without accents, or its number.

    >>> spelt("σ"), spelt("é"), spelt("\udcff"), spelt("語")
    ('sigma', 'e', '\\udcff', '\\u8a9e')
    """
    known = SPELT.get(character)
    if known is not None:
        return known
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return bare or _number(character)


def _number(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def _spell(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    return "".join(spelt(c) for c in problem.object[problem.start : problem.end]), problem.end


codecs.register_error(ERRORS, _spell)
