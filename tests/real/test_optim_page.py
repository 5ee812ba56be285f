"""The fine-tune of a real model on docs/optim.md, from its scan to its guard, runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "optim.md"


@pytest.mark.real
def test_a_fine_tune_of_a_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python real\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    names: dict = {"__name__": "page"}
    exec(compile(block, str(PAGE), "exec"), names)
    guard, trainer, basin = names["guard"], names["trainer"], names["landscape"].basin("knowledge")
    assert trainer.optimizer.optimizer.draws == trainer.state.global_step == 3
    assert guard.watch.dimension == basin.dimension == 134_515_008
    assert guard.watch.radii == {"knowledge": basin.sigma}
    assert guard.last.used["knowledge"] == pytest.approx(guard.last.distance / basin.l2, rel=1e-6)
    assert 0.0 < guard.last.used["knowledge"] < 0.5
    assert [entry["step"] for entry in trainer.state.log_history if "basin/used/knowledge" in entry] == [1, 2, 3]
