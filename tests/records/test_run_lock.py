import errno
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.forks import program

from corrie.errors import RunError, StorageError
from corrie.records.run_lock import LOCK, RunLock

HOLD = """
import sys, time
from pathlib import Path
from corrie.records.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_writer_is_told_who_the_first_is_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with program(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"process {holder.pid} is writing"):
            RunLock(tmp_path)
        holder.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK).exists()
    RunLock(tmp_path).release()
    assert not (tmp_path / LOCK).exists()


def test_two_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    first = RunLock(tmp_path)
    with pytest.raises(RunError, match=f"process {os.getpid()} is writing"):
        RunLock(tmp_path)
    first.release()
    first.release()
    RunLock(tmp_path).release()


def test_a_lock_file_that_is_replaced_under_our_hands_is_not_held(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    (tmp_path / LOCK).unlink()
    second = RunLock(tmp_path)  # the name is free again: this one made a new file and holds it
    assert not lock._is_current(lock._file)
    assert second._is_current(second._file)
    second.release()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        RunLock(tmp_path / "gone")


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_not_taken_for_another_writer(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match=r"its file system cannot lock a file"):
        RunLock(tmp_path)
