"""Damaged and hostile files: each is answered by an error of ours or by the right result, by nothing else."""

import contextlib
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corrie.analysis.landscape import Landscape
from corrie.analysis.summary import summary
from corrie.capabilities.registry import tasks
from corrie.errors import CorrieError
from corrie.models.load import load
from corrie.records.direction import gaussian, parse_directions
from corrie.records.scan_spec import parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.scan import Scan
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import save_toy_task, toy_choice

pytestmark = pytest.mark.faults

SLOW = settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    model = toy_model()
    scan = Scan.of(model, [(toy_choice(model), 40)], directions=gaussian(3), alpha=parse_alpha("0:0.3:4"))
    with SqliteStore.create_or_open(folder, scan.identity) as store:
        scan.run(store)
    return folder


def test_flipped_bytes_of_a_run_are_found_or_harmless(run: Path, tmp_path: Path) -> None:
    right = summary(Landscape.open(run))
    whole = (run / "run.db").read_bytes()
    dice = random.Random(3)
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    refused = 0
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 4, 64])):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (wrong / "run.db").write_bytes(bytes(data))
        try:
            found = summary(Landscape.open(wrong))
        except CorrieError:
            refused += 1
        else:
            outcomes = [(c["task"], c["score"], c["basin"]["edges"]) for c in found["capabilities"]]
            expected = [(c["task"], c["score"], c["basin"]["edges"]) for c in right["capabilities"]]
            missing = [c["missing"] for c in found["capabilities"]]
            assert outcomes == expected or any(missing) or len(outcomes) < len(expected)
    assert refused > 300


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_cut_runs(run: Path, tmp_path: Path, share: float) -> None:
    whole = (run / "run.db").read_bytes()
    (tmp_path / "run.db").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CorrieError):
        Landscape.open(tmp_path)


@SLOW
@given(data=st.binary(max_size=400))
def test_any_bytes_as_a_task_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("t") / "any.jsonl"
    file.write_bytes(data)
    with pytest.raises(CorrieError):
        tasks(str(file))


def test_damaged_task_files(tmp_path: Path) -> None:
    good = save_toy_task(tmp_path / "good.jsonl", toy_model()).read_bytes()
    dice = random.Random(5)
    for number in range(400):
        data = bytearray(good)
        for _ in range(dice.choice([1, 3, 20])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        file = tmp_path / f"{number}.jsonl"
        file.write_bytes(bytes(data))
        try:
            (task,) = tasks(str(file))
        except CorrieError:
            continue
        assert task.identity.size >= 1


def test_damaged_checkpoints(tmp_path: Path) -> None:
    good = save_toy(tmp_path / "good")
    dice = random.Random(9)
    for number in range(60):
        folder = tmp_path / f"bad-{number}"
        shutil.copytree(good, folder)
        name = dice.choice(["model.safetensors", "config.json", "tokenizer.json"])
        data = bytearray((folder / name).read_bytes())
        if dice.random() < 0.3:
            data = data[: dice.randrange(len(data))]
        else:
            for _ in range(8):
                data[dice.randrange(min(len(data), 4000))] ^= 1 << dice.randrange(8)
        (folder / name).write_bytes(bytes(data))
        try:
            load(folder)
        except CorrieError:
            continue
        finally:
            shutil.rmtree(folder)


@SLOW
@given(text=st.text(max_size=30))
def test_any_text_as_a_range_or_a_direction(text: str) -> None:
    for parse in (parse_alpha, parse_directions):
        with contextlib.suppress(CorrieError):
            parse(text)
