"""Where a run stands, in one file: killed and resumed it ends in the same weights, bit for bit.

The file holds the trained weights and the optimizer's moments (the noise needs no state: it is a function of the
number of the draw), and in its header the course, the loss of every step and the time they took. It is there whole or
not at all, so a kill while it is written leaves the one before.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from corrie.analysis.partial import remove_left
from corrie.errors import RunError
from corrie.weights.tensor_files import TensorFiles
from corrie.weights.tensor_writer import write_tensors
from corrie.widening.course import Course
from corrie.widening.descent import SmoothedDescent

_FILE = "state.safetensors"

PAUSE = 60.0
"""Seconds between two writings, at least; and twenty times as long as one takes."""

_SO_FAR, _COURSE = "corrie.so_far", "corrie.course"


class KeptState:
    """The file, and when it is due.

    folder   where the run works
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / _FILE
        self._last, self._took = time.monotonic(), 0.0

    @property
    def there(self) -> bool:
        """Whether a run is kept."""
        return self.file.is_file()

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._last >= max(PAUSE, 20 * self._took)

    def write(self, run: SmoothedDescent) -> None:
        """Keep where a run stands.

        Raises:
            StorageError: the disk refuses.
        """
        began = time.monotonic()
        tensors = run.tensors()
        notes = {_COURSE: run.course.canonical(), _SO_FAR: json.dumps([run.losses, run.seconds, run.cpu])}
        outline = {n: (t.dtype, tuple(t.shape)) for n, t in tensors.items()}
        write_tensors(self.file, outline, tensors.items(), {"format": "pt", **notes})
        self._last, self._took = time.monotonic(), time.monotonic() - began

    def read(self, run: SmoothedDescent) -> bool:
        """Let a fresh run go on where the kept one stands; False where nothing is kept.

        Raises:
            RunError: it is of another course.
            ModelError: it cannot be read.
        """
        if not self.there:
            return False
        files = TensorFiles.open(self.file)
        if Course.parse(files.notes.get(_COURSE, "")) != run.course:
            raise RunError(f"the run in {self.file.parent}", found="it has another course", advice="remove it")
        losses, run.seconds, run.cpu = json.loads(files.notes[_SO_FAR])
        run.resume({name: files.read(name) for name in files.files}, losses)
        return True

    def remove(self) -> None:
        """It is no longer needed, nor what a kill left of its writing."""
        self.file.unlink(missing_ok=True)
        remove_left(self.file)
