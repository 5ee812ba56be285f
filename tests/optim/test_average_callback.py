"""The average in a Trainer: what training ends in, and goes on after a stop."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from corrie.optim import Average, AverageCallback, BasinGuard


def test_training_ends_in_the_mean_and_a_guard_after_it_sees_it(tiny: Any, tmp_path: Any) -> None:
    net = tiny.model()
    average = Average(net.parameters(), None)
    guard = BasinGuard(net, {"math": 1.0})
    trail: list[torch.Tensor] = []
    optimizer_of = tiny.trainer(net, tiny.arguments(tmp_path, save_strategy="no"),
                                callbacks=[AverageCallback(average), guard])  # fmt: skip
    weight = next(net.parameters())
    optimizer_of.create_optimizer().register_step_post_hook(lambda *_: trail.append(weight.detach().clone()))
    optimizer_of.train()
    assert len(trail) == average.taken == 6
    torch.testing.assert_close(weight.detach(), torch.stack(trail).mean(dim=0))
    assert guard.last is not None
    assert guard.last.distance == guard.watch.measure().distance
    kept = tiny.weights(net)
    AverageCallback(average, at_end=False).on_train_end(*3 * (None,))  # type: ignore[arg-type]
    assert tiny.same(kept, tiny.weights(net))


def test_a_resumed_run_goes_on_with_it(tiny: Any, tmp_path: Any) -> None:
    ends = []
    for folder, stops in (("whole", False), ("stopped", True)):
        net = tiny.model()
        args = tiny.arguments(tmp_path / folder)
        tiny.trainer(net, args, callbacks=[AverageCallback(Average(net.parameters(), 0.7))]).train()
        if stops:  # once more, from the third step on
            net = tiny.model()
            callback = AverageCallback(Average(net.parameters(), 0.7))
            tiny.trainer(net, args, callbacks=[callback]).train(
                resume_from_checkpoint=str(tmp_path / folder / "checkpoint-3")
            )
            assert callback.average.taken == 6
        ends.append(tiny.weights(net))
    assert tiny.same(*ends)


def test_a_checkpoint_without_one_is_said(tiny: Any, tmp_path: Any) -> None:
    net = tiny.model()
    tiny.trainer(net, tiny.arguments(tmp_path)).train()
    trainer = tiny.trainer(net, tiny.arguments(tmp_path), callbacks=[AverageCallback(Average(net.parameters()))])
    with pytest.warns(UserWarning, match="the average begins at step 3"):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
