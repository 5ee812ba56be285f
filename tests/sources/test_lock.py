from contextlib import ExitStack
from pathlib import Path

from tests.forks import program

from corrie.sources.lock import alone

COUNT = """
import sys
from pathlib import Path
from corrie.sources.lock import alone
folder = Path(sys.argv[1])
for _ in range(100):
    with alone(folder / "lock") as locked:
        assert locked
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""

HOLD = """
import sys, time
from pathlib import Path
from corrie.sources.lock import alone
with alone(Path(sys.argv[1]) / "lock"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_processes_take_turns(tmp_path: Path) -> None:
    (tmp_path / "number").write_text("0")
    with ExitStack() as stack:
        counting = [stack.enter_context(program(COUNT, tmp_path)) for _ in range(3)]
        assert [p.wait(60) for p in counting] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "300"


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    with program(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        holder.kill()
        holder.wait(10)
    with alone(tmp_path / "lock") as locked:
        assert locked
