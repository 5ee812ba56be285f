r"""Quantities in a text: what stands there, read as a person reads it.

The law
-------
================  ===========================================  =================================================
written           for example                                  read
================  ===========================================  =================================================
a number          42, -7, −7, +3, .5, 18.50                    a sign counts where no letter or digit is before it
thousands         1,234,567  1'234'567  1.234.567              groups of three, also with narrow spaces
decimal comma     3,14  0,500  1.234,56                        one comma that no group of three follows
scientific        1.5e3, 2 × 10^-3, 2*10**3, 10⁶               an exponent of up to four digits
a fraction        3/8, 3 / 8, 1 1/2, ½, \frac{3}{8}            exactly: 3/8 = 6/16 = 0.375
a percentage      50 %, 50 percent                             0.5; and 50 beside a number without a percent sign
clock or ratio    9:45, 09:45:00, 9:45 pm, 3:2                 part by part; 9:45 pm = 21:45, and beside a clock
                                                               without am or pm it is 9:45 too
a date            2024-05-01, 2024/5/1, 1/5/2024, 1.5.2024     part by part, in the order in which it is written
================  ===========================================  =================================================

Currencies and units are not read: $18, 18 dollars and 18 kg are 18. Nor are number words ("seven", "2 million"), dates
with the month's name, and roots. "1, 2" are two numbers and so are 1,2,3 three; 10-12 are 10 and 12; of 1.2.3 the first
two parts are read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

QUANTITY_LAW = "quantity-1"
"""Version of this law: part of the digest of tasks that check numbers."""


class Quantity(NamedTuple):
    """One quantity of a text.

    kind      what it is; different kinds are never the same
    parts     the number, or the parts of a clock or date
    written   the same without its mark: 50 for 50 %, 9:45 for 9:45 pm
    marked    it has one: %, am or pm
    """

    kind: Literal["number", "clock", "date"]
    parts: tuple[Fraction, ...]
    written: tuple[Fraction, ...]
    marked: bool = False

    def same(self, other: Quantity) -> bool:
        """Are they one and the same? A mark (%, pm) that only one of them has may be left out.

        >>> one, two = (final_quantity(t) for t in ("50 %", "0.5"))
        >>> one.same(two), one.same(final_quantity("50")), one.same(final_quantity("50/1 %"))
        (True, True, True)
        """
        if self.kind != other.kind:
            return False
        return self.parts == other.parts or (self.marked != other.marked and self.written == other.written)

    def __str__(self) -> str:
        return {"number": "", "clock": ":", "date": "-"}[self.kind].join(map(str, self.parts))


_ANNOUNCED = re.compile(r"(?:answer\s*(?:is|:|=)|####|\\boxed\{)", re.IGNORECASE)


def final_quantity(text: str) -> Quantity | None:
    """The quantity a text arrives at: the first one after its last "answer is", "answer:", "####" or "\\\\boxed{",
    or where nothing is announced its last one. None if there is none.

    >>> print(final_quantity("16 - 3 - 4 = 9 eggs, 9 * 2 = 18. So the answer is $1,018.50 a day, not 7."))
    2037/2
    >>> print(final_quantity("The train leaves at 9:45, two hours later than 7:45"))
    7:45
    """
    text = _plain(text)
    announced = list(_ANNOUNCED.finditer(text))
    after = next(quantities(text, announced[-1].end()), None) if announced else None
    return after or next(iter(list(quantities(text))[-1:]), None)


def quantities(text: str, start: int = 0) -> Iterator[Quantity]:
    """Every quantity, in order."""
    while found := _START.search(text, start):
        negative = (found["sign"] or found["inner"] or "") in ("-", "−")
        for form, understand in _FORMS:
            body = form.match(text, found.end())
            quantity = understand(body, negative) if body else None
            if body and quantity:
                yield quantity
                start = body.end()
                break
        else:
            start = found.end() + 1


_START = re.compile(r"(?<![\w.])(?P<sign>[-+−])?(?:[$€£¥]\s?(?P<inner>[-+−])?)?(?=\.?\d|\\[dtc]?frac)")

_NUMBER = (
    r"(?:(?!0)\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?"  # 1,234.5
    r"|\d{1,3}(?:['’\u00a0\u202f\u2009]\d{3})+(?!\d)(?:[.,]\d+)?"  # 1'234.5
    r"|\d{1,3}(?:\.\d{3})+,\d+(?!,?\d)"  # 1.234,5
    r"|\d{1,3}(?:\.\d{3}){2,}(?!\.?\d)"  # 1.234.567
    r"|(?<!\d,)\d+,\d+(?![,.]?\d)"  # 3,14
    r"|\d+(?:\.\d+)?|\.\d+)"
)
_DECIMAL = r"(?:\d+(?:\.\d+)?)"
_POWER = r"\s?(?:\^|\*\*)\s?\{?(?P<power>[-+−]?\d{1,4})(?!\d)\}?"


def _date(found: re.Match[str], negative: bool) -> Quantity | None:
    return _of("date", *(Fraction(int(n)) for n in re.findall(r"\d+", found[0])))


def _clock(found: re.Match[str], negative: bool) -> Quantity | None:
    parts = [Fraction(int(n)) for n in found["clock"].split(":")]
    if len(parts) == 3 and not parts[-1]:
        parts.pop()
    if not found["half"]:
        return _of("clock", *parts)
    hour = parts[0] % 12 + (12 if found["half"].lower() == "p" else 0)
    return Quantity("clock", (hour, *parts[1:]), tuple(parts), marked=True)


def _fraction(found: re.Match[str], negative: bool) -> Quantity | None:
    above, below = (Fraction(Decimal(n)) for n in found.group("above", "below"))
    whole = Fraction(int(found["whole"] or 0))
    if not below or (found["whole"] and above >= below):
        return None
    return _signed(whole + above / below, negative, found["percent"])


def _scientific(found: re.Match[str], negative: bool) -> Quantity | None:
    power = int(found["power"].replace("−", "-"))
    return _signed(_value(found["number"]) * Fraction(10) ** power, negative, found["percent"])


def _ten(found: re.Match[str], negative: bool) -> Quantity | None:
    return _signed(Fraction(10) ** int(found["power"].replace("−", "-")), negative, None)


def _number(found: re.Match[str], negative: bool) -> Quantity | None:
    return _signed(_value(found["number"]), negative, found["percent"])


def _value(number: str) -> Fraction:
    """
    >>> [str(_value(n)) for n in ("1,234", "3,14", "0,500", "1.234,5", "1.234.567", "1'234.5")]
    ['1234', '157/50', '1/2', '2469/2', '1234567', '2469/2']
    """
    number = re.sub(r"['’\u00a0\u202f\u2009]", "", number)
    if re.fullmatch(r"(?!0)\d{1,3}(,\d{3})+(\.\d+)?", number):
        number = number.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}", number):
        number = number.replace(".", "")
    return Fraction(Decimal(number.replace(",", ".")))


def _signed(value: Fraction, negative: bool, percent: str | None) -> Quantity:
    value = -value if negative else value
    return Quantity("number", (value / 100 if percent else value,), (value,), marked=bool(percent))


def _of(kind: Literal["clock", "date"], *parts: Fraction) -> Quantity:
    return Quantity(kind, parts, parts)


_PERCENT = r"(?P<percent>\s?(?:%|per\s?cent\b))?"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], bool], Quantity | None]], ...] = (
    (re.compile(r"\d{4}(?P<s>[-/.])[0-3]?\d(?P=s)[0-3]?\d(?!\d|(?P=s)\d)(?:T\d\d:\d\d(?::\d\d)?)?"), _date),
    (re.compile(r"[0-3]?\d(?P<s>[-/.])[0-3]?\d(?P=s)\d{4}(?!\w|[-/.:]\d)"), _date),
    (re.compile(r"\d{1,4}(?:/\d{1,4}){2,}(?!\d)"), _date),
    (re.compile(r"(?P<clock>\d{1,4}(?::\d{1,4}){1,2})(?![\d:]\d)(?:\s?(?P<half>[ap])\.?m\b)?", re.IGNORECASE), _clock),
    (
        re.compile(
            rf"(?:(?P<whole>\d+)\s{{1,2}})?(?P<above>{_DECIMAL})\s?/\s?(?P<below>{_DECIMAL})(?!\s?/\s?\d)" + _PERCENT
        ),
        _fraction,
    ),
    (
        re.compile(
            rf"(?P<whole>\d+)?\s?\\[dtc]?frac\s*\{{\s*(?P<above>{_DECIMAL})\s*\}}\s*\{{\s*(?P<below>{_DECIMAL})\s*\}}"
            + _PERCENT
        ),
        _fraction,
    ),
    (re.compile(r"(?P<whole>\d+)?\s?\\[dtc]?frac\s*(?P<above>\d)\s*(?P<below>\d)" + _PERCENT), _fraction),
    (re.compile(rf"(?P<number>{_NUMBER})[eE](?P<power>[-+−]?\d{{1,4}})(?!\w)" + _PERCENT), _scientific),
    (re.compile(rf"(?P<number>{_NUMBER})\s?[×xX*·]\s?10{_POWER}" + _PERCENT), _scientific),
    (re.compile(r"10" + _POWER), _ten),
    (re.compile(rf"(?P<number>{_NUMBER})" + _PERCENT), _number),
)
"""How a quantity may be written, the longer forms first."""

_LATEX = {"{,}": ",", "\\,": "\u202f", "\\!": "", "\\%": "%", "\\$": "$", "\\times": "×", "\\cdot": "·", "⁄": "/"}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")


def _plain(text: str) -> str:
    """½ as 1/2, 10⁶ as 10^6, and what LaTeX puts into numbers taken out.

    >>> _plain("1½ and 10⁻⁶ and 1{,}000")
    '1 1/2 and 10^-6 and 1,000'
    """
    for written, meant in _LATEX.items():
        text = text.replace(written, meant)
    text = re.sub(r"(?<=10)[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(_RAISED), text)
    return re.sub(r"\d?[¼-¾⅐-⅞↉]", _vulgar, text)


def _vulgar(found: re.Match[str]) -> str:
    """
    >>> _vulgar(re.match(".*", "3¾"))
    '3 3/4'
    """
    *before, letter = found[0]
    above, _, below = unicodedata.normalize("NFKC", letter).partition("⁄")
    return f"{before[0]} {above}/{below}" if before else f"{above}/{below}"
