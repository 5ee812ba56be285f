from pathlib import Path

import pytest

from corrie.errors import InputError
from corrie.sources import harness_names as module
from corrie.sources.harness_names import HarnessNames, harness_folder, names_in


@pytest.fixture
def brought(tmp_path: Path) -> HarnessNames:
    files = {
        "sums/_default": "tag:\n  - math\n  - easy  # so they say\noutput_type: multiple_choice\n",
        "sums/one.yaml": 'include: _default\n"task": "one"\ntask_alias: uno\n',
        "sums/two.yaml": "include: [_default]\ntask: two\ntag: [own, 'hard']\n",
        "sums/all.yaml": "group: sums\ntask:\n  - one\n  - group: inner\n    task: [two]\n",
        "sums/round.yaml": "include: round.yaml\ntask: round\n",
        "sums/__pycache__/old.yaml": "task: old\n",
        "own.yaml": "class: !function task.Own\ntask: own\n",
        "zeta/again.yaml": "task: one\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return names_in(tmp_path)


def test_names_are_those_of_the_files(brought: HarnessNames, tmp_path: Path) -> None:
    assert brought.tasks == {
        "one": tmp_path / "sums/one.yaml",  # the first file of a name has it
        "own": tmp_path / "own.yaml",
        "round": tmp_path / "sums/round.yaml",
        "two": tmp_path / "sums/two.yaml",
    }
    assert brought.groups == {"sums": tmp_path / "sums/all.yaml"}
    assert brought.tags == {"math": ("one",), "easy": ("one",), "hard": ("two",)}  # own keys go before included ones


def test_finding(brought: HarnessNames, tmp_path: Path) -> None:
    assert brought.beginning("o") == ("one", "own")
    assert ("math" in brought, "sums" in brought, "old" in brought) == (True, True, False)
    assert (brought.file("sums"), brought.file("math")) == (tmp_path / "sums/all.yaml", None)


def test_a_harness_that_is_not_installed_is_said_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HARNESS", "no_such_package_as_this")
    with pytest.raises(InputError, match=r"is not installed. Try: pip install 'corrie\[lm_eval\]'"):
        harness_folder()
