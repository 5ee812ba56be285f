"""The command line as its users meet it: results on stdout, words on stderr, exit codes, errors without tracebacks."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.cli.main import main
from corrie.testing.toy_models import save_toy


@pytest.fixture
def scan(toy: Path, task: Path, tmp_path: Path) -> list[object]:
    """A scan of two directions at three places."""
    run = tmp_path / "run"
    return ["scan", toy, "-t", f"{task}:20", "--direction", "gaussian:0-1", "--alpha", "0:0.4:3", "--to", run]


def test_scan_then_show_then_export_then_report(corrie: Any, scan: list[object], tmp_path: Path) -> None:
    run = tmp_path / "run"
    scanned = corrie(*scan)
    assert scanned.code == 0
    assert "letters" in scanned.out
    shown = corrie("show", run, "--json")
    (capability,) = json.loads(shown.out)["capabilities"]
    assert set(capability) >= {"capability", "task", "score", "chance", "examples", "directions", "basin"}
    assert set(capability["basin"]) >= {"status", "sigma", "sigma_low", "sigma_high", "l2"}
    assert (capability["score"], capability["examples"], capability["directions"]) == (1.0, 20, 2)
    for format, file in [("csv", "out.csv"), ("netcdf", "out.nc"), ("parquet", "out.parquet")]:
        assert corrie("export", run, "--format", format, "--out", tmp_path / file).code == 0
        assert (tmp_path / file).stat().st_size > 500
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + 20 * (1 + 2 * 2)
    assert corrie("report", run, "--out", tmp_path / "report.html").code == 0
    assert corrie("report", run, "--figure", tmp_path / "figure.png").code == 0
    assert (tmp_path / "report.html").stat().st_size > 1_000_000
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_continues_and_does_nothing_twice(corrie: Any, scan: list[object]) -> None:
    first = corrie(*scan, "--json")
    again = corrie(*scan, "--json")
    assert json.loads(first.out) == json.loads(again.out)


def test_json_stands_alone_on_stdout(corrie: Any, scan: list[object]) -> None:
    assert json.loads(corrie(*scan, "--json").out)["capabilities"]
    assert json.loads(corrie("tasks", "--json").out)["tasks"]
    assert json.loads(corrie("models", "--json").out)["models"][0]["name"] == "smollm2-135m-instruct"
    assert json.loads(corrie("doctor", "--json").out)["packages"]["torch"]


def test_a_dry_run_writes_nothing(corrie: Any, scan: list[object], tmp_path: Path) -> None:
    said = corrie(*scan, "--dry-run")
    assert said.code == 0
    assert said.out.startswith("5 points × 20 examples, 10 cells to make: about ")
    assert not (tmp_path / "run").exists()


def test_a_budget(corrie: Any, scan: list[object]) -> None:
    said = corrie(*scan, "--budget", "0.001s")
    assert said.code == 0
    assert "the time budget is spent" in said.err
    assert corrie(*scan).code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MODEL": "smollm2-135m-instrct"}, "Did you mean 'smollm2-135m-instruct'?"),
        ({"-t": "knowlege:40"}, "no task named 'knowlege'. Known: "),
        ({"-t": "knowledge:0"}, "zero examples"),
        ({"-t": "knowledge:lots"}, "no number"),
        ({"--direction": "gausian:0"}, "Did you mean 'gaussian'?"),
        ({"--direction": "gaussian:x"}, "no list of seeds"),
        ({"--direction": "gaussian:3-1"}, "no list of seeds"),
        ({"--direction": "gaussian:1,1"}, "a seed occurs twice"),
        ({"--alpha": "0.04:0:5"}, "the range is reversed"),
        ({"--alpha": "0:0:5"}, "the range is empty"),
        ({"--alpha": "0:1:0"}, "no points"),
        ({"--alpha": "0:nan:3"}, "not finite"),
        ({"--alpha": "much"}, "not a range"),
        ({"--normalisation": "filtr"}, "Did you mean 'filter'?"),
        ({"--dtype": "float8"}, "no such precision"),
        ({"--device": "abacus"}, "no such kind"),
        ({"--engine": "steam"}, "no engine named 'steam'"),
        ({"--retention": "1.5"}, "not a share"),
        ({"--block": "0"}, "no examples"),
        ({"--budget": "soon"}, "no length of time"),
        ({"--include": "*.nothing"}, "no tensor pattern"),
    ],
    ids=str,
)
def test_bad_input_is_said_and_nothing_is_made(
    corrie: Any, scan: list[object], tmp_path: Path, change: dict[str, str], words: str
) -> None:
    corrie.monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    ((option, value),) = change.items()
    if option == "MODEL":
        scan[1] = value
    elif option in scan:
        scan[scan.index(option) + 1] = value
    else:
        scan += [option, value]
    said = corrie(*scan)
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith("Error: ")
    assert words in said.err
    assert said.out == ""
    assert not (tmp_path / "run").exists()


def test_more_examples_than_there_are(corrie: Any, scan: list[object], task: Path) -> None:
    scan[3] = f"{task}:999"
    said = corrie(*scan)
    assert (said.code, "it has 40" in said.err) == (2, True)


def test_a_task_that_needs_a_chat_template(corrie: Any, tmp_path: Path, task: Path) -> None:
    plain = save_toy(tmp_path / "plain", chat=False)
    said = corrie("scan", plain, "-t", f"{task}:10", "--chat", "--alpha", "0.1", "--to", tmp_path / "run")
    assert said.code == 2
    assert "chat template" in said.err
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_not_one(corrie: Any, scan: list[object], tmp_path: Path) -> None:
    assert corrie("show", tmp_path / "nowhere").code == 2
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.db").write_bytes(b"not a database at all" * 100)
    for command in (["show", run], ["report", run, "--out", tmp_path / "r.html"], scan):
        said = corrie(*command)
        assert said.code == 2
        assert str(run) in said.err
    assert not (tmp_path / "r.html").exists()
    assert (run / "run.db").read_bytes() == b"not a database at all" * 100


def test_a_run_of_another_precision_is_refused(corrie: Any, scan: list[object]) -> None:
    assert corrie(*scan).code == 0
    said = corrie(*scan, "--dtype", "bfloat16")
    assert said.code == 2
    assert "precision is float32 there and bfloat16 here" in said.err


def test_more_directions_extend_a_run(corrie: Any, scan: list[object]) -> None:
    assert corrie(*scan).code == 0
    scan[scan.index("gaussian:0-1")] = "gaussian:0-3"
    (capability,) = json.loads(corrie(*scan, "--json").out)["capabilities"]
    assert capability["directions"] == 4


def test_every_command_has_help(corrie: Any) -> None:
    assert corrie("--help").code == 0
    for command in (
        "scan",
        "fraction",
        "diff",
        "retract",
        "compare",
        "show",
        "report",
        "export",
        "tasks",
        "models",
        "doctor",
    ):
        said = corrie(command, "--help")
        assert said.code == 0
        assert "Usage: corrie " + command in said.out
    assert corrie("--version").out.startswith("corrie ")
    assert corrie("scna").code == 2


def test_help_does_not_load_torch() -> None:
    code = "import sys, corrie.cli.main; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def in_a_fork(arguments: list[object]) -> tuple[int, int]:
    """The command line in a fork of this process, which has loaded what it needs: its number, and a pipe with all that
    it prints."""
    told, telling = os.pipe()
    child = os.fork()
    if child:
        os.close(telling)
        return child, told
    code = 1
    try:
        torch.set_num_threads(1)  # a pool of threads that the parent started would be dead here
        os.dup2(telling, 1)
        os.dup2(telling, 2)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
        sys.argv = ["corrie", *map(str, arguments)]
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@pytest.mark.skipif(sys.platform == "win32", reason="signals to another process are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_and_the_same_command_continues(
    scan: list[object], tmp_path: Path, corrie: Any, number: signal.Signals
) -> None:
    scan[scan.index("0:0.4:3")] = "0:0.4:200"
    child, told = in_a_fork(scan)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "run.db").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(child, number)
    with os.fdopen(told) as pipe:
        err = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130, err
    assert "the same command continues" in err
    assert "Traceback" not in err
    scan[scan.index("0:0.4:200")] = "0:0.4:3"
    assert corrie(*scan).code == 0
