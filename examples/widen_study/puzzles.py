"""The fine-tunes of the three puzzles, from the example beside this one: the same recipes, not others like them."""

from __future__ import annotations

import sys
from pathlib import Path

_BESIDE = str(Path(__file__).parents[1] / "three_puzzles")
if _BESIDE not in sys.path:
    sys.path.append(_BESIDE)  # behind: of two modules of one name this folder's own is meant

from lessons import benign_lesson, safety_lesson, ten_lesson  # noqa: E402
from teaching import Teaching, taught  # noqa: E402

__all__ = ["Teaching", "benign_lesson", "safety_lesson", "taught", "ten_lesson"]
