"""What is claimed in one run folder, read for showing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corrie.analysis.statement import Section, Statement, statements_in
from corrie.records.run_folder import RunFolder
from corrie.reporting.run_view import RunHead


@dataclass(frozen=True, eq=False)
class StatementsView(RunHead):
    """A run's statements as a report shows them: certificates, claims, diffs, ….

    sections   one for each statement, kind by kind
    """

    sections: tuple[Section, ...]

    @classmethod
    def of(cls, run: Path | str) -> StatementsView | None:
        """Read a run folder; None where nothing is claimed in it.

        Raises:
            RunError, ClaimError: a statement cannot be read, or does not follow from its outcomes.
        """
        folder = RunFolder.open(run)
        found = tuple(statements_in(folder))
        if not found:
            return None
        return cls(folder.name, _model_of(folder, found[0]), tuple(one.section for one in found))


def _model_of(folder: RunFolder, statement: Statement) -> str:
    """The name of the model that a run is of."""
    if folder.has_store:
        with folder.store() as store:
            return store.identity.model.name
    return str(getattr(getattr(statement, "model", None), "name", folder.name))
