import pytest
import torch

from corrie.capabilities.loss_gradient import TaskLoss
from corrie.errors import InputError
from corrie.scanning.protecting import protected_space
from corrie.subspaces.row_space import random_rows
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint


def test_the_kept_task_feels_less_and_the_lesson_more_than_in_a_random_subspace() -> None:
    """Per unit of distance: the lesson's gradient is larger, the activation energy of the kept prompts smaller."""
    model = toy_model()
    keep, lesson = toy_choice(model, size=60), toy_choice(model, size=20, name="other")
    before = model_fingerprint(model.module)
    protected = protected_space(model, [(keep, 20)], layers="all", rank=1, lesson=(lesson, 10), prompts=30)
    assert model_fingerprint(model.module) == before
    assert all(p.grad is None for p in model.module.parameters())
    random = random_rows(model.module, "all", 1)
    loss = TaskLoss(model, lesson, 10, tokens=4096)

    def slope(space: object) -> float:
        zero = {n: torch.zeros(1, *s, requires_grad=True) for n, s in space.shapes.items()}  # type: ignore[attr-defined]
        with torch.enable_grad(), space.lent(1) as places:  # type: ignore[attr-defined]
            places.put_tensors(zero)
            found = torch.autograd.grad(loss.losses(loss.batches[0]).mean(), list(zero.values()))
        return float(torch.cat([g.reshape(-1) for g in found]).norm())

    assert slope(protected) > 2 * slope(random)


def test_only_examples_that_do_not_certify_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy_model()
    task = toy_choice(model, size=60)
    asked: list[tuple[int, int]] = []
    score = task.score
    monkeypatch.setattr(task, "score", lambda reader, a, b: asked.append((a, b)) or score(reader, a, b))
    protected_space(model, [(task, 25)], layers="q_proj", prompts=20)
    assert asked == [(30, 40), (40, 50)]


def test_a_task_that_is_wholly_certified_cannot_be_heard() -> None:
    model = toy_model()
    with pytest.raises(InputError, match="none are left to listen to"):
        protected_space(model, [(toy_choice(model, size=20), 20)])
