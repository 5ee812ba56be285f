from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.certificates_at_hand import certificates_at_hand
from corrie.analysis.evidence import Evidence
from corrie.errors import ClaimError, InputError

Make = Callable[..., Evidence]


def test_given_and_found_each_outcome_once(make_evidence: Make, tmp_path: Path) -> None:
    """One certificate asked about two distances is one; another draw is another; other tasks are left out."""
    one, other = make_evidence(seed=1), make_evidence(seed=2)
    foreign = make_evidence(names=("words",))
    task = one.tasks[0].task.id
    given = Certificate(one).write(tmp_path / "elsewhere")
    for certificate in (Certificate(one, FineTuned(distance=0.1)), Certificate(other), Certificate(foreign)):
        certificate.write(tmp_path / "run")
    found = certificates_at_hand([given], tmp_path / "run", [task])
    assert [v.certificate.evidence for v in found] == [one, other]
    assert found[0].file == given
    assert certificates_at_hand([], tmp_path / "run", ["nothing"]) == ()
    assert certificates_at_hand([], tmp_path / "nowhere", [task]) == ()
    assert certificates_at_hand([], None, [task]) == ()
    assert len(certificates_at_hand([Certificate(one, retain=0.5).write(tmp_path / "run")], None, [task])) == 1


def test_one_of_other_tasks_and_one_that_does_not_hold_are_refused(make_evidence: Make, tmp_path: Path) -> None:
    file = Certificate(make_evidence()).write(tmp_path)
    with pytest.raises(InputError, match="it is of sums: none of that"):
        certificates_at_hand([file], None, ["nothing"])
    file.write_text(file.read_text("utf-8").replace('"draws":40', '"draws":41'), "utf-8")
    for given, folder in (([file], None), ([], tmp_path)):
        with pytest.raises(ClaimError, match="was changed"):
            certificates_at_hand(given, folder, ["nothing"])
    with pytest.raises(ClaimError, match="cannot be read"):
        certificates_at_hand([tmp_path / "nowhere.json"], None, ["nothing"])
