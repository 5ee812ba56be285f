"""The place of work of a command that takes long to fill a folder of weights, and may be killed while it does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from corrie.analysis.partial import remove_left, stem
from corrie.analysis.whole_folder import bring_to_disk, put_in_place
from corrie.errors import InputError, StorageError
from corrie.weights.asked_note import asked_of


def refuse_others(out: Path) -> None:
    """Refuse a place where something lies that no such command has made.

    Raises:
        InputError: it does.
    """
    if os.path.lexists(out) and asked_of(out) is None:
        raise _there_already(out)


@dataclass(frozen=True)
class Unfinished:
    """A folder that will be at ``out``, and until it is whole lies beside it under a hidden name of its question.

    The same question finds it again, after a kill too; its weights' header says which it is
    (:mod:`corrie.weights.asked_note`).

    out       where it will be
    question  a hash of it

    >>> import tempfile
    >>> work = Unfinished(Path(tempfile.mkdtemp()) / "out", "5f2a")
    >>> work.work.name, work.begun, work.whole
    ('.out.unfinished-5f2a', False, False)
    """

    out: Path
    question: str

    def refuse_others(self) -> None:
        """Refuse a place where something lies that is not the answer to this very question.

        Raises:
            InputError: it does.
        """
        if os.path.lexists(self.out) and not self.whole:
            raise _there_already(self.out)

    @property
    def whole(self) -> bool:
        """Whether the answer to this very question is there already."""
        return asked_of(self.out) == self.question

    @property
    def work(self) -> Path:
        """Where to work: beside ``out``, or in it where it is whole."""
        return self.out if self.whole else self.out.parent / f"{stem(self.out, 'unfinished')}{self.question[:16]}"

    @property
    def begun(self) -> bool:
        """Whether the weights are there; what follows goes on from them."""
        return asked_of(self.work) == self.question

    def finish(self) -> Path:
        """Put the folder in place, and remove what other questions left unfinished for the same place.

        Raises:
            InputError: something has come there meanwhile.
            StorageError: the disk refuses.
        """
        if not self.whole:
            try:
                bring_to_disk(self.work)
                put_in_place(self.work, self.out)
            except OSError as error:
                raise StorageError(
                    f"writing {self.out}", found=error.strerror or str(error), advice="a folder with room"
                ) from error
        remove_left(self.out, "unfinished")
        return self.out


def _there_already(out: Path) -> InputError:
    return InputError(
        f"--out {out}", found="something is there already, and not from this command", advice="another folder"
    )
