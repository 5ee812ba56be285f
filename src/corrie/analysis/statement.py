"""What all that claims something has in common: a finding in one plain line, then what it rests on, line by line.

Idea
----
A number with a probability is easily read as more than it is. So every statement says, in this order and each on a line
of its own: what was found; with what confidence; over what randomness; about which object; under what assumptions. A
statement that says nothing says so in its first line.

A new kind of statement is one class that inherits :class:`Statement`: it then appears in ``corrie show``, in the report
and in the exit code. Kinds of other packages are found by the entry-point group ``corrie.statements``, whose values
name their modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

from corrie.errors import CorrieError, RunError, StorageError
from corrie.records.run_folder import RunFolder

BUILT_IN = {
    "diff": "corrie.analysis.fine_tune_diff",
    "retraction": "corrie.analysis.retraction",
    "fraction": "corrie.analysis.fraction_claim",
    "certificate": "corrie.analysis.certificate",
    "generalisation": "corrie.analysis.generalisation",
    "inputs": "corrie.analysis.input_certificate",
}
"""Corrie's own kinds and where they live, in the order in which they are shown."""

Verdict = Literal["informative", "vacuous", "abstained"]
"""What a bound is worth: above chance at what was asked about; not; above chance nowhere, so that nothing is stated."""

STATEMENT_GROUP = "corrie.statements"
"""The entry-point group for kinds of other packages."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a statement rests on.

    confidence    with which it holds
    randomness    over what
    object        about which object
    assumptions   and under which assumptions
    """

    confidence: str
    randomness: str
    object: str
    assumptions: tuple[str, ...]

    @property
    def conditions(self) -> str:
        """All of it in one breath, for quoting before a finding."""
        return (
            f"With confidence {self.confidence} over {self.randomness}, about {self.object}, assuming that "
            f"{'; that '.join(self.assumptions)}"
        )

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """(label, text), one for each line."""
        named = (("Confidence", self.confidence), ("Randomness", self.randomness), ("Object", self.object))
        return (*named, *(("Assumption", text) for text in self.assumptions))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    name   what it shows
    x, y   its points; None in y where there is none
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What a statement looks like, as numbers: the report draws it.

    title         what it shows
    across, up    the axes, with their units
    lines         what is drawn
    level         a horizontal line, such as chance, and its name
    mark          a vertical line, such as the distance that was asked about, and its name
    """

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    level: tuple[float, str] | None = None
    mark: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; the first column names the row."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One capability's part of a statement.

    title    what it is about
    badge    a verdict in one word; empty for none
    says     paragraphs
    facts    (term, text)
    chart    drawn below; None for none
    """

    title: str
    badge: str = ""
    says: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A statement as a report shows it.

    title     the heading
    finding   the first line
    says      more lines
    terms     what it rests on; None where it is a plain measurement, whose terms stand in the text
    cards     one for each capability
    tables    below them
    """

    title: str
    finding: str
    says: tuple[str, ...] = ()
    terms: Terms | None = None
    cards: tuple[Card, ...] = ()
    tables: tuple[Table, ...] = ()


class Statement:
    """Something that is claimed, with what it rests on.

    A kind gives ``kind`` (its word in run folders and in JSON), :attr:`title`, :attr:`finding`, :attr:`terms`,
    :attr:`holds`, :meth:`to_json` and :meth:`found_in`; the rest follows.

    >>> class Toy(Statement):
    ...     kind, title, finding, holds = "toy", "A toy", "7 is prime", True
    ...     terms = Terms("1", "none", "the number 7", ("numbers are as they were",))
    >>> print(Toy())
    7 is prime.
    Confidence: 1.
    Randomness: none.
    Object: the number 7.
    Assumption: numbers are as they were.
    """

    kind: ClassVar[str] = ""
    many: ClassVar[str] = ""
    """Several of them, as JSON calls them; by default the kind with an s."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.kind:
            cls.many = cls.many or f"{cls.kind}s"
            _KINDS[cls.kind] = cls

    @property
    def title(self) -> str:
        """What a report calls it."""
        raise NotImplementedError

    @property
    def finding(self) -> str:
        """What was found: one plain line with its number and unit, and that it says nothing where it does not."""
        raise NotImplementedError

    @property
    def says(self) -> tuple[str, ...]:
        """More of what was found, a line each."""
        return ()

    @property
    def terms(self) -> Terms | None:
        """What it rests on; None for a plain measurement."""
        raise NotImplementedError

    @property
    def holds(self) -> bool:
        """Whether what was asked is so: the exit code is 0 then, and 3 otherwise."""
        raise NotImplementedError

    @property
    def cards(self) -> tuple[Card, ...]:
        """One for each capability, for a report."""
        return ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """For a report."""
        return ()

    @property
    def section(self) -> Section:
        """What a report shows."""
        return Section(self.title, self.finding, self.says, self.terms, self.cards, self.tables)

    def to_json(self) -> dict[str, Any]:
        """Plain data, without infinities."""
        raise NotImplementedError

    @classmethod
    def found_in(cls, run: RunFolder) -> Sequence[Self]:
        """Every statement of this kind in a run folder (``run.files(cls.kind)``); none where a kind is not kept.

        Raises:
            RunError: one of them cannot be read.
        """
        return ()

    def __str__(self) -> str:
        rests = () if self.terms is None else (f"{label}: {text}" for label, text in self.terms.lines)
        return "\n".join(f"{line.rstrip('.')}." for line in (self.finding, *self.says, *rests))


_KINDS: dict[str, type[Statement]] = {}

_Kept = TypeVar("_Kept", bound=Statement)


def kept_in(run: RunFolder, kind: str, read: Callable[[Path], _Kept], advice: str) -> tuple[_Kept, ...]:
    """Every statement of a kind that a run folder keeps in files, each read and told once.

    Whatever a damaged file leads to, in reading it or in saying what it holds, is one error that names the file.

    Args:
        run: the folder.
        kind: whose files.
        read: a statement from its file.
        advice: how to come by a good one.

    Raises:
        RunError: a file that cannot be read, or from which no such statement follows.
    """
    return tuple(_kept(run, kind, file, read, advice) for file in run.files(kind))


def _kept(run: RunFolder, kind: str, file: Path, read: Callable[[Path], _Kept], advice: str) -> _Kept:
    try:
        found = read(file)
        _ = str(found), found.section
        return found
    except (MemoryError, StorageError):
        raise
    except Exception as problem:
        told = str(problem) if isinstance(problem, CorrieError) else f"{type(problem).__name__}: {problem}"
        raise RunError(
            f"{kind} {file.relative_to(run.path)} in run folder {run.path}",
            found=f"it is damaged ({(told.splitlines() or [''])[0][:400]})",
            advice=advice,
        ) from problem


def others_are_known() -> bool:
    """Whether there are kinds that are not corrie's own: of other packages, or made in this process."""
    return not _KINDS.keys() <= BUILT_IN.keys() or bool(entry_points(group=STATEMENT_GROUP))


def statements_in(run: RunFolder) -> Iterator[Statement]:
    """Every statement in a run folder, kind by kind, corrie's own first.

    Raises:
        RunError, ClaimError: one of them cannot be read, or does not follow from its outcomes.
    """
    there = run.kinds
    for kind, module in BUILT_IN.items():
        if kind in there:
            import_module(module)
            yield from _KINDS[kind].found_in(run)
    for point in entry_points(group=STATEMENT_GROUP):
        point.load()
    for kind in [k for k in _KINDS if k not in BUILT_IN]:
        yield from _KINDS[kind].found_in(run)
