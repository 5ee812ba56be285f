"""The certificates that are available to a question: those that are given, and those that lie in a run folder.

Each is verified before it is listened to: all of its numbers are derived again from its stored outcomes. Files of the
same outcomes (a certificate that was asked about several distances) are one certificate: its bound holds at every
distance at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from corrie.analysis.verification import Verification, verify
from corrie.errors import InputError


def certificates_at_hand(
    given: Sequence[str | Path], folder: str | Path | None, tasks: Collection[str]
) -> tuple[Verification, ...]:
    """Verified certificates of at least one of these tasks, those that are given first.

    Args:
        given: files; each must be of one of the tasks.
        folder: a run folder; its certificates of other tasks are left out. None, or none there: nothing is looked for.
        tasks: ids.

    Raises:
        ClaimError: a certificate does not hold.
        InputError: one that is given is of none of the tasks.
    """
    found: dict[tuple[str, float], Verification] = {}
    for file in given:
        one = verify(file)
        if not _speaks_of(one, tasks):
            named = " and ".join(f"{t.task.name}" for t in one.certificate.tasks)
            raise InputError(
                f"certificate {file}",
                found=f"it is of {named}: none of that, of the same content, is compared",
                advice="the certificate's own tasks among -t",
            )
        found.setdefault(_content(one), one)
    lying = () if folder is None else sorted(Path(folder).glob("certificate-*.json"))
    for one in map(verify, lying):
        if _speaks_of(one, tasks):
            found.setdefault(_content(one), one)
    return tuple(found.values())


def _speaks_of(one: Verification, tasks: Collection[str]) -> bool:
    return any(t.task.id in tasks for t in one.certificate.tasks)


def _content(one: Verification) -> tuple[str, float]:
    return one.certificate.evidence.digest, one.certificate.retain
