import pytest

from corrie.records.direction import Gaussian
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.cost import DEVICES, READS, WRITES, cost_of
from corrie.scanning.scan import Scan
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing


def test_hours_by_hand() -> None:
    model, task = toy_model(), toy_writing(size=10)
    scan = Scan.of(
        model, [(task, 10)], directions=[Gaussian(seed=0)], alpha=AlphaGrid.parse("0:0.1:3"), block=5, batch=None
    )
    cost = cost_of(scan)
    (one,) = cost.tasks
    assert cost.points == 3
    assert one.steps == 2 * one.tokens.longest
    assert dict(cost.hours)["this machine"] > 0
    device = DEVICES[0]
    reading = 2 * model.identity.parameters * one.tokens.prompts / (READS * device.operations)
    writing = 2 * model.identity.parameters * one.steps / (WRITES * device.traffic)
    assert dict(cost.hours)[device.name] == pytest.approx(3 * (reading + writing) / 3600)
    assert f"3 points, at each 10 examples: {one.tokens.prompts:,} tokens to read and at most" in str(cost)


def test_nothing_is_written_where_nothing_is_written() -> None:
    scan = Scan.of(toy_model(), [(toy_choice(), 10)], directions=[Gaussian(seed=0)], alpha=AlphaGrid.parse("0:0.1:2"))
    cost = cost_of(scan)
    assert cost.tasks[0].tokens.answers == cost.tasks[0].steps == 0
